import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ClusterOptions } from 'nestjs-replica/testing';
import { forDatabase, onPostgres, TEST_DATABASE } from '../support/cluster/test-database.js';
import { FAULTS } from './support/fault-list.js';
import { FaultStage } from './support/fault-stage.js';
import { HARMLESS, watchFault, WRITERS } from './support/watch-fault.js';

/** Short, for a replica has to lag so much before it is taken out. */
const MAX_LAG = { maxLagMs: 500 };

describe('readers and writers whose sessions are checked, while a replica falls behind or tells nothing', () => {
  let stage: FaultStage;

  beforeAll(async () => {
    const { settings } = FAULTS['recovery-conflicts'];
    stage = await FaultStage.set(
      forDatabase<ClusterOptions['settings']>({ postgres: settings, mariadb: {} }),
      WRITERS,
    );
    if (TEST_DATABASE === 'postgres') await FAULTS['probe-null'].setUp?.(stage.primary);
    await stage.cluster.waitForCatchUp();
  });
  afterAll(() => stage.clear());

  it('see their writes on the primary while a replica does not replay, until it is taken out', async () => {
    const record = await watchFault('replay-paused', stage, MAX_LAG);
    expect(record).toMatchObject({ ...HARMLESS, errors: {} });
    expect(record.reasons['session-ahead']).toBeGreaterThan(0);
    expect(record.noticedMs).toBeGreaterThanOrEqual(MAX_LAG.maxLagMs - 50);
    expect(record.returnedMs).toEqual(expect.any(Number));
  });

  it('notice nothing but that when the WAL receiver of a replica is dead, though it has replayed all that it received', async () => {
    const record = await watchFault('replication-broken', stage, MAX_LAG);
    expect(record).toMatchObject({ ...HARMLESS, errors: {} });
    expect(record.noticedMs).toBeGreaterThanOrEqual(MAX_LAG.maxLagMs - 50);
    expect(record.returnedMs).toEqual(expect.any(Number));
  });

  onPostgres(() => {
    it('are answered elsewhere when the replay cancels their reads on both replicas', async () => {
      const record = await watchFault('recovery-conflicts', stage);
      expect(record).toMatchObject({ ...HARMLESS, errors: {} });
      expect(record.nodeErrors['40001']).toBeGreaterThan(0);
    });

    it('do not notice that a replica tells its monitor no position', async () => {
      const record = await watchFault('probe-null', stage);
      expect(record).toMatchObject({ ...HARMLESS, errors: {} });
      expect([record.noticedMs, record.returnedMs]).toEqual([expect.any(Number), expect.any(Number)]);
    });

    it('do not notice that a replica answers its monitor too late', async () => {
      const record = await watchFault('probe-late', stage);
      expect(record).toMatchObject({ ...HARMLESS, errors: {} });
      expect([record.noticedMs, record.returnedMs]).toEqual([expect.any(Number), expect.any(Number)]);
    });
  });
});
