import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ReplicaDataSource } from 'nestjs-replica';
import { startSource } from '../../support/app/start-source.js';
import { useLedgerCluster } from '../../support/cluster/use-cluster.js';
import { Entry } from '../../support/ledger/accounts.js';
import { engineOf } from '../../../libs/replica/src/engine/replica-router.js';

const cluster = useLedgerCluster({
  replicas: 1,
  count: 2,
  sql: `
    CREATE ROLE reader;
    GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader;
    CREATE SCHEMA tenant;
    CREATE TABLE tenant.account AS SELECT 7 AS id;`,
});

describe('what a statement leaves on its connection', () => {
  let source: ReplicaDataSource;

  const start = async (poolSize: number): Promise<void> => {
    source = await startSource(cluster, { poolSize });

    // These are fast, so they share connections.
    for (let n = 0; n < 10; n++) await source.query(READ);
  };
  beforeEach(() => start(4));
  afterEach(() => source.destroy());

  const READ = `SELECT current_setting('my.note', true) AS note`;
  const inRequest = <T>(fn: () => Promise<T>): Promise<T> => source.router.runOnReplica({}, fn);
  const noteOf = async (): Promise<string | null> => (await source.query(READ))[0].note;
  const locks = async (): Promise<number> =>
    (await cluster.primary.query(`SELECT 1 FROM pg_locks WHERE locktype = 'advisory'`)).length;
  /** What others read on the primary meanwhile, so many at once and then one after the other. */
  const notesOfOthers = async (atOnce = 20): Promise<Set<string | null>> => {
    const read = (): Promise<string | null> => source.router.runOnPrimary(noteOf);
    const notes = new Set(await Promise.all(Array.from({ length: atOnce }, read)));
    for (let n = 0; n < 10; n++) notes.add(await read());
    return notes;
  };

  const PLACES: [string, <T>(fn: () => Promise<T>) => Promise<T>][] = [
    ['outside any request', (fn) => fn()],
    ['in a request', (fn) => inRequest(fn)],
  ];
  describe.each(PLACES)('%s', (_, within) => {
    it('is there for the next statements: a lock', () =>
      within(async () => {
        await source.query('SELECT pg_advisory_lock(42)');
        for (let n = 0; n < 10; n++) await source.query(READ);
        expect(await source.query('SELECT pg_advisory_unlock(42) AS ok')).toEqual([{ ok: true }]);
        expect(await locks()).toBe(0);
      }));

    it('is there for the next statements: settings', () =>
      within(async () => {
        await source.query(`SET my.note = 'set'`);
        for (let n = 0; n < 5; n++) expect(await noteOf()).toBe('set');
        await source.query(`SELECT set_config('my.note', 'again', false)`);
        expect(await noteOf()).toBe('again');
        await source.query('SET search_path TO tenant');
        expect(await source.query('SELECT id FROM account')).toEqual([{ id: 7 }]);
        await source.query('RESET search_path');
        await source.query('SET ROLE reader');
        expect(await source.query('SELECT current_user AS name')).toEqual([{ name: 'reader' }]);
        await source.query('RESET ROLE');
      }));

    it('is there for the next statements: temporary tables, cursors, prepared statements, channels', () =>
      within(async () => {
        await source.query('CREATE TEMP TABLE mine AS SELECT 1 AS id');
        expect(await source.query('SELECT id FROM mine')).toEqual([{ id: 1 }]);
        await source.query('PREPARE two AS SELECT 2 AS id');
        expect(await source.query('EXECUTE two')).toEqual([{ id: 2 }]);
        await source.query('BEGIN; DECLARE three CURSOR WITH HOLD FOR SELECT 3 AS id; COMMIT');
        expect(await source.query('FETCH three')).toEqual([{ id: 3 }]);
        await source.query('LISTEN news');
        expect(await source.query('SELECT pg_listening_channels() AS name')).toEqual([{ name: 'news' }]);
      }));

    it('is there for repositories and transactions: rules that a seed turns off', () =>
      within(async () => {
        const entry = { amount: 1, account: { id: 999 } } as Entry;
        await source.query('SET session_replication_role = replica');
        await source.getRepository(Entry).save(entry);
        await source.transaction((manager) => manager.insert(Entry, { amount: 2, account: { id: 999 } }));
        await source.query('SET session_replication_role = DEFAULT');
        await expect(
          source.getRepository(Entry).insert({ amount: 3, account: { id: 999 } }),
        ).rejects.toMatchObject({ code: '23503' });
        await source.query('DELETE FROM entry');
      }));
  });

  it('is hidden from other requests, whether a query, a runner or a transaction set it', async () => {
    await inRequest(async () => {
      await source.query(`SET my.note = 'mine'`);
      expect([...(await notesOfOthersOutside())]).not.toContain('mine');
      expect(await noteOf()).toBe('mine');
    });
    await inRequest(async () => {
      const runner = source.createQueryRunner('slave');
      await runner.query(`SET my.note = 'mine'`);
      await runner.release();
    });
    await inRequest(() => source.transaction((manager) => manager.query(`SET my.note = 'mine'`)));
    expect([...(await inRequest(() => notesOfOthers()))]).not.toContain('mine');
    expect([...(await notesOfOthers())]).not.toContain('mine');
  });
  /** In a request of their own each; so few that none waits for a connection, for which a parked one would make room. */
  const notesOfOthersOutside = (): Promise<Set<string | null>> =>
    engineOf(source.router).contexts.exit(() => inRequest(() => notesOfOthers(2)));

  it('is reset for a request that waits for the only connection', async () => {
    await source.destroy();
    await start(1);
    await inRequest(async () => {
      await source.query(`SET my.note = 'mine'`);
      await source.query('SELECT pg_advisory_lock(42)');
    });
    expect([...(await notesOfOthers())]).not.toContain('mine');
    expect(await locks()).toBe(0);
    // What was prepared there is prepared anew.
    for (let n = 0; n < 20; n++) expect(await source.query('SELECT $1::int AS n', [n])).toEqual([{ n }]);
  });

  it('leaves the connection as it was where it ends with the transaction', async () => {
    await source.destroy();
    await start(1);
    const pids = new Set<number>();
    for (let n = 0; n < 5; n++) {
      await inRequest(() =>
        source.transaction(async (manager) => {
          await manager.query(`SELECT set_config('my.note', $1, true), set_config('my.other', 'x', true)`, [
            'mine',
          ]);
          const [{ pid, note }] = await manager.query(
            `SELECT pg_backend_pid() AS pid, current_setting('my.note') AS note`,
          );
          expect(note).toBe('mine');
          pids.add(pid);
        }),
      );
    }
    expect(pids.size).toBe(1);
    expect(await source.query(`SELECT count(*)::int AS n FROM pg_prepared_statements`)).toBeDefined();
    expect([null, '']).toContain(await noteOf());
  });
});
