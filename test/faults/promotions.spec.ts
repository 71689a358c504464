import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FaultStage } from './support/fault-stage.js';
import { HARMLESS, watchFault, WRITERS } from './support/watch-fault.js';

/** Servers are killed, promoted, started and made to follow, which takes long on a busy machine. */
const FAIL_OVERS_MS = 90_000;

describe('readers and writers whose sessions are checked, while the primary is lost', () => {
  let stage: FaultStage;

  beforeAll(async () => {
    stage = await FaultStage.set({}, WRITERS);
  });
  afterAll(() => stage.clear());

  it('write to the replica that is promoted in its place, and are shown nothing older than before', async () => {
    const { failedReads: _, ...harmless } = HARMLESS;
    const record = await watchFault('primary-killed', stage);
    expect(record).toMatchObject(harmless);
    expect([record.noticedMs, record.returnedMs]).toEqual([expect.any(Number), expect.any(Number)]);
    expect(record.returnedMs).toBeLessThan(2_000);
  });

  it('wait for the promotion where they may, so that nothing fails but what was under way', async () => {
    const record = await watchFault('primary-killed', stage, { primaryWaitMs: 10_000 });
    const { REPLICA_COMMIT_OUTCOME_UNKNOWN: _, ...others } = record.errors;
    expect(record).toMatchObject(HARMLESS);
    expect(others).toEqual({});
    expect(record.noticedMs).toEqual(expect.any(Number));
  });

  it(
    'have nothing to do with the old primary when it comes back as one, until it follows the new one',
    async () => {
      const record = await watchFault('old-primary-returns', stage);
      expect(record).toMatchObject(HARMLESS);
      expect([record.noticedMs, record.returnedMs]).toEqual([expect.any(Number), expect.any(Number)]);
    },
    FAIL_OVERS_MS,
  );
});
