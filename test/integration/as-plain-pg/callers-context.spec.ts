import { once } from 'node:events';
import { Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { ReplicaDataSource } from 'nestjs-replica';
import pg from 'pg';
import QueryStream from 'pg-query-stream';
import { startSource } from '../../support/app/start-source.js';
import { until } from '../../support/until.js';
import { useLedgerCluster } from '../../support/cluster/use-cluster.js';
import { Account } from '../../support/ledger/accounts.js';
import { engineOf } from '../../../libs/replica/src/engine/replica-router.js';

interface Pools {
  readonly master: pg.Pool;
  readonly slaves: readonly pg.Pool[];
}

const cluster = useLedgerCluster({ replicas: 1, count: 2 });

describe('what a connection brings', () => {
  let source: ReplicaDataSource;

  beforeAll(async () => {
    // One connection to each node: all share what the first request opens.
    source = await startSource(cluster, { poolSize: 1 });
    for (const node of cluster.nodes) {
      await node.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'app-under-test'`,
      );
    }
    await until(() => source.router.topology().replicas.every(({ health }) => health === 'up'));
    await inRequest(async () => {
      await source.query('SELECT 1');
      await source.query('UPDATE account SET balance = 0');
    });
  });
  const inRequest = <T>(fn: () => T): T => source.router.runOnReplica({}, fn);
  const pools = (): Pools => source.driver as unknown as Pools;
  const whose = (): object | undefined => engineOf(source.router).contexts.surrounding()?.request;

  /** Who surrounded each call of what `act` was given to call, in a request of its own: only that request. */
  async function expectOwn(act: (called: () => void) => Promise<unknown>): Promise<void> {
    const callers = new Set<object | undefined>();
    const own = await inRequest(async () => {
      await act(() => callers.add(whose()));
      return whose();
    });
    expect(own).toBeDefined();
    expect(callers.size).toBe(1);
    expect(callers.has(own)).toBe(true);
  }

  describe.each(['slave', 'master'] as const)('to a %s runner', (mode) => {
    const pool = (): pg.Pool => (mode === 'slave' ? (pools().slaves[0] as pg.Pool) : pools().master);
    const withClient = async (act: (client: pg.PoolClient) => Promise<unknown>): Promise<void> => {
      const client = await pool().connect();
      try {
        await act(client);
      } finally {
        client.release();
      }
    };

    it("runs a stream's listeners for whoever streams", () =>
      expectOwn(async (called) => {
        const runner = source.createQueryRunner(mode);
        const rows = await runner.stream('SELECT generate_series(1, 500)');
        rows.on('data', called).on('end', called);
        await once(rows, 'close');
        await runner.release();
      }));

    it('runs a pipeline for whoever streams', () =>
      expectOwn(async (called) => {
        const runner = source.createQueryRunner(mode);
        const rows = await runner.stream('SELECT generate_series(1, 500)');
        const transform = new Transform({
          objectMode: true,
          transform: (row, _, done) => {
            called();
            done(null, row);
          },
          flush: (done) => {
            called();
            done();
          },
        });
        const target = new Writable({
          objectMode: true,
          write: (_, __, done) => {
            called();
            setImmediate(done);
          },
        });
        await pipeline(rows, transform, target);
        await runner.release();
      }));

    it("runs a cursor's callbacks and listeners for whoever queries", () =>
      expectOwn((called) =>
        withClient(async (client) => {
          const { cursor } = new QueryStream('SELECT generate_series(1, 5)');
          client.query(cursor);
          cursor.on('row', called).on('end', called);
          for (let n = 0; n < 3; n++) {
            await new Promise<void>((resolve, reject) =>
              cursor.read(3, (error: Error | undefined) => {
                called();
                if (error) reject(error);
                else resolve();
              }),
            );
          }
          await new Promise<void>((resolve) =>
            cursor.close(() => {
              called();
              resolve();
            }),
          );
        }),
      ));

    it("runs a query's listeners and callback for whoever queries", () =>
      expectOwn((called) =>
        withClient(async (client) => {
          const query = new pg.Query('SELECT generate_series(1, 5)');
          const ended = once(query, 'end');
          client.query(query as never);
          query.on('row', called).on('end', called);
          await ended;
          const failing = new pg.Query('SELECT 1 / 0');
          const failed = new Promise((resolve) => failing.on('error', resolve));
          failing.on('error', called);
          client.query(failing as never);
          await failed;
        }),
      ));

    it('runs callbacks for whoever queries', () =>
      expectOwn(async (called) => {
        const back = (resolve: (value?: unknown) => void) => (): void => {
          called();
          resolve();
        };
        await withClient(async (client) => {
          await new Promise((resolve) => client.query('SELECT 1', back(resolve)));
          await new Promise((resolve) => client.query('SELECT 1 / $1::int', [0], back(resolve)));
        });
        await new Promise((resolve) => pool().query('SELECT 1', back(resolve)));
        await new Promise((resolve) => pool().connect((_, __, done) => (done(), back(resolve)())));
      }));
  });

  it('runs listeners to notifications, notices and errors for whoever added them', () =>
    expectOwn(async (called) => {
      const client = await pools().master.connect();
      const [{ pid }] = (await client.query('SELECT pg_backend_pid() AS pid')).rows;
      await client.query('LISTEN news');
      client.on('notice', called);
      const noticed = once(client, 'notice');
      await client.query(`DO $$ BEGIN RAISE NOTICE 'now'; END $$`);
      await noticed;
      client.on('notification', called);
      const heard = once(client, 'notification');
      await cluster.primary.query(`NOTIFY news, 'now'`);
      await heard;
      client.on('error', called);
      client.once('end', called);
      const ended = new Promise((resolve) => client.on('end', resolve as () => void));
      await cluster.primary.query('SELECT pg_terminate_backend($1)', [pid]);
      await ended;
      client.release();
    }));

  it('lets listeners go as any emitter does', async () => {
    const client = await pools().master.connect();
    await inRequest(async () => {
      const listener = (): void => undefined;
      for (const event of ['notice', 'error', 'x']) {
        client
          .on(event as 'error', listener)
          .once(event, listener)
          .prependOnceListener(event, listener);
        client.prependListener(event, listener);
        expect(client.listeners(event)).toEqual([listener, listener, listener, listener]);
        client.emit(event);
        expect(client.listenerCount(event)).toBe(2);
        client.off(event, listener).removeListener(event, listener);
        client.once(event, listener).off(event, listener);
        expect(client.listenerCount(event)).toBe(0);
      }
    });
    client.release();
  });

  it('sees what a listener to its end has written', async () => {
    await inRequest(async () => {
      const runner = source.createQueryRunner('slave');
      const rows = await runner.stream('SELECT id FROM account');
      const written = new Promise((resolve, reject) => {
        rows.on('end', () => source.getRepository(Account).update(1, { balance: 7 }).then(resolve, reject));
      });
      rows.resume();
      await written;
      await runner.release();
      expect(await source.getRepository(Account).findOneBy({ id: 1 })).toMatchObject({ balance: 7 });
    });
  });

  it('keeps no request alive that has ended', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const requests: WeakRef<object>[] = [];
    const work = async (): Promise<void> => {
      requests.push(new WeakRef(whose() as object));
      await source.query('SELECT 1');
      await source.getRepository(Account).update(1, { balance: 1 });
      await source.transaction((manager) => manager.count(Account));
      const runner = source.createQueryRunner('slave');
      const rows = await runner.stream('SELECT id FROM account');
      await rows.resume().toArray();
      await runner.release();
    };
    for (let n = 0; n < 5; n++) await inRequest(work);
    await until(async () => {
      // The next request takes the place of the last one wherever something remembers only that.
      await source.query('SELECT 1');
      await new Promise((resolve) => setImmediate(resolve));
      collect();
      return requests.every((request) => request.deref() === undefined);
    }, 'the end of all requests');
    expect(requests).toHaveLength(5);
  });
});
