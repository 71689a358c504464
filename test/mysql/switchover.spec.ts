import '../support/cluster/on-mariadb.js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { FaultStage } from '../faults/support/fault-stage.js';

// They have to be loaded after the database is chosen.
const { FaultStage: Stage } = await import('../faults/support/fault-stage.js');
const { HARMLESS, watchFault, WRITERS } = await import('../faults/support/watch-fault.js');

describe('readers and writers whose sessions are checked, on MariaDB', () => {
  let stage: FaultStage;

  beforeAll(async () => {
    stage = await Stage.set({}, WRITERS);
  });
  afterAll(() => stage.clear());

  it('write to the new primary after a switchover, and hardly a read fails before', async () => {
    const record = await watchFault('read-only-switchover', stage);
    // A session ahead of every replica finds nobody while no server takes writes. The next test waits for one.
    expect(record).toMatchObject({ ...HARMLESS, failedReads: expect.any(Number) });
    expect(record.failedReads).toBeLessThan(record.reads / 20);
    expect(record.returnedMs).toBeLessThan(2_000);
  });

  it('wait for the switchover where they may: nothing fails, and no outcome is unknown', async () => {
    const record = await watchFault('read-only-switchover', stage, { primaryWaitMs: 10_000 });
    expect(record).toMatchObject({ ...HARMLESS, errors: {} });
  });

  it('wait while a backup locks the primary, and read meanwhile', async () => {
    const record = await watchFault('primary-locked', stage);
    expect(record).toMatchObject({ ...HARMLESS, errors: {}, returnedMs: expect.any(Number) });
  });

  it('do not notice that somebody wrote on a replica, which replays no more', async () => {
    const record = await watchFault('errant-write', stage, { maxLagMs: 500 });
    expect(record).toMatchObject({ ...HARMLESS, errors: {} });
    expect([record.noticedMs, record.returnedMs]).toEqual([expect.any(Number), expect.any(Number)]);
  });
});
