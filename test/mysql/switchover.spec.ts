import '../support/cluster/on-mariadb.js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { FaultStage } from '../faults/support/fault-stage.js';

// They have to be loaded after the database is chosen.
const { FaultStage: Stage } = await import('../faults/support/fault-stage.js');
const { HARMLESS, watchFault, WRITERS } = await import('../faults/support/watch-fault.js');

/**
 * Only the primary can answer a session whose position nobody could learn in time. Here no server hangs, so however busy the machine is,
 * that is worth waiting for.
 */
const PATIENT = { monitor: { intervalMs: 100, probeTimeoutMs: 20_000 }, session: { timeoutMs: 20_000 } };

describe('readers and writers whose sessions are checked, on MariaDB', () => {
  let stage: FaultStage;

  beforeAll(async () => {
    stage = await Stage.set({}, WRITERS);
  });
  afterAll(() => stage.clear());

  it('write to the new primary after a switchover, and only writes fail before', async () => {
    const record = await watchFault('read-only-switchover', stage, PATIENT);
    expect(record).toMatchObject({ ...HARMLESS, readFailures: {} });
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
