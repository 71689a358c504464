import { afterEach, describe, expect, it } from '@jest/globals';
import { ReplicaDataSource } from 'nestjs-replica';
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { within } from './support/clock.js';
import QueryStream from 'pg-query-stream';
import { lanePool } from '../support/lanes/lane-pool.js';
import { startSource } from '../support/app/start-source.js';
import { until } from '../support/until.js';
import { useLedgerCluster, whilePaused } from '../support/cluster/use-cluster.js';

interface Client {
  query(...args: any[]): any;
  release(error?: unknown): void;
}
interface Pool {
  connect(): Promise<Client>;
}

const cluster = useLedgerCluster({ count: 5_000 });

describe('connections in trouble', () => {
  const sources: ReplicaDataSource[] = [];

  afterEach(async () => {
    for (const source of sources.splice(0)) await within(5_000, source.destroy());
  });

  async function start(changes: object = {}): Promise<ReplicaDataSource> {
    const source = await startSource(cluster, changes);
    sources.push(source);
    return source;
  }
  const masterPool = (source: ReplicaDataSource): Pool =>
    (source.driver as unknown as { master: Pool }).master;
  const slavePool = (source: ReplicaDataSource): Pool =>
    (source.driver as unknown as { slaves: Pool[] }).slaves[0] as Pool;

  it('a client that runs a read has an error listener: a lost socket must not end the process', async () => {
    let client: pg.Client | undefined;
    const onConnect = (one: pg.Client): void => void (client = one);
    const pool = lanePool(cluster.primary, { config: { onConnect } as never, lanes: undefined });
    const reading = pool.run(['SELECT pg_sleep(0.3)']);
    await until(() => client !== undefined && client.listenerCount('drain') >= 0);
    await delay(100);
    const count = client?.listenerCount('error');
    await reading;
    await pool.end();
    expect(count).toBeGreaterThan(0);
  });

  it('a stream that is destroyed before it has a connection poisons no pooled connection', async () => {
    const source = await start({ extra: { max: 1 } });
    const client = await masterPool(source).connect();
    const stream = client.query(new QueryStream('SELECT id FROM account')) as QueryStream;
    stream.destroy(); // say, the HTTP client has gone
    await delay(100);
    client.release();
    expect(await within(3_000, source.query('SELECT 1 AS one'))).toEqual([{ one: 1 }]);
  });

  it('a stream on a connection that broke in a transaction ends, and so does the rollback', async () => {
    const source = await start();
    const client = await masterPool(source).connect();
    await client.query('BEGIN');
    const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
    await cluster.primary.query('SELECT pg_terminate_backend($1)', [rows[0].pid]);
    await delay(100);
    const stream = client.query(new QueryStream('SELECT id FROM account')) as QueryStream;
    stream.on('error', () => undefined).resume();
    const rollback = (client.query('ROLLBACK') as Promise<unknown>).then(
      () => 'settled',
      () => 'settled',
    );
    const outcome = await within(3_000, rollback);
    client.release();
    expect(outcome).toBe('settled');
  });

  it('a release during BEGIN leaves no transaction open on a pooled connection', async () => {
    const source = await start({ extra: { max: 1 } });
    const client = await masterPool(source).connect();
    await client.query('SELECT 1');
    // A slow answer to the first statement of a transaction, and a time limit that releases meanwhile.
    (client.query('BEGIN; SELECT pg_sleep(0.2)') as Promise<unknown>).catch(() => undefined);
    await delay(100);
    client.release();
    await delay(400);
    await source.query(`INSERT INTO account (owner) VALUES ('must stay')`);
    const rows = await cluster.primary.query(`SELECT 1 AS n FROM account WHERE owner = 'must stay'`);
    expect(rows).toHaveLength(1);
  });

  it('a release during COMMIT leaves the outcome of the write unknown', async () => {
    const source = await start();
    await whilePaused(cluster, async () => {
      const seen = await source.router.runOnReplica({}, async () => {
        const client = await slavePool(source).connect();
        await client.query('BEGIN');
        await client.query('UPDATE account SET balance = balance + 1 WHERE id = 7');
        (client.query('COMMIT') as Promise<unknown>).catch(() => undefined);
        await Promise.resolve();
        client.release();
        await delay(200);
        return source.query('SELECT balance FROM account WHERE id = 7');
      });
      const truth = await cluster.primary.query('SELECT balance FROM account WHERE id = 7');
      expect(seen).toEqual(truth);
    });
  });

  it('a listener that throws leaves no transaction open on a pooled connection', async () => {
    const source = await start({ extra: { max: 1 } });
    const stop = source.router.on('statement', () => {
      throw new Error('metrics are broken');
    });
    const client = await masterPool(source).connect();
    await (client.query('BEGIN') as Promise<unknown>).catch(() => undefined);
    client.release();
    stop();
    await source.query(`INSERT INTO account (owner) VALUES ('must stay too')`);
    const rows = await cluster.primary.query(`SELECT 1 AS n FROM account WHERE owner = 'must stay too'`);
    expect(rows).toHaveLength(1);
  });

  it('a full pool does not count as a fault of its replica, which stays up while its reads go on', async () => {
    // Less than a slow read takes, and enough to connect on a busy machine.
    const source = await start({ extra: { max: 1 }, connectTimeoutMS: 1_000 });
    const changes: string[] = [];
    source.router.on('statement', ({ node, errorCode }) => changes.push(`${node} ${errorCode ?? 'ok'}`));
    const down = new Set<string>();
    const watch = setInterval(() => {
      for (const { name, health } of source.router.topology().replicas) if (health === 'down') down.add(name);
    }, 1);
    const slow = (): Promise<unknown> =>
      source.router.runOnReplica({}, () => source.query('SELECT count(*) AS n, pg_sleep(1.5) FROM account'));
    await Promise.allSettled(Array.from({ length: 6 }, slow));
    clearInterval(watch);
    // A read that was running must never lose its connection.
    expect([changes.filter((line) => line.endsWith(' unknown')), [...down]]).toEqual([[], []]);
  });

  it('one terminated backend does not break what else runs on that replica', async () => {
    const source = await start();
    const [one] = cluster.replicas;
    // A read-only transaction on some replica, and one more read on the same.
    const outcome = source.router
      .readOnlyTransaction({}, async (manager) => {
        const [{ port }] = await manager.query('SELECT inet_server_port() AS port, count(*) FROM account');
        const node = cluster.replicas.find((candidate) => candidate.port === port) ?? one;
        const [{ pid }] = await manager.query('SELECT pg_backend_pid() AS pid, count(*) FROM account');
        const reads = Array.from({ length: 8 }, () =>
          source.router.runOnReplica({}, () =>
            source.query(`SELECT count(*) AS n, pg_sleep(1) /* victim */ FROM account`),
          ),
        );
        await delay(300);
        await node?.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE query LIKE '%victim%' AND pid <> $1 AND pid <> pg_backend_pid() LIMIT 1`,
          [pid],
        );
        await Promise.all(reads);
        return manager.query('SELECT count(*)::int AS n FROM account WHERE id = 1');
      })
      .then(
        (rows) => rows,
        (error: unknown) => String(error),
      );
    expect(await outcome).toEqual([{ n: 1 }]);
  });

  it("fallback: 'error' holds when replicas fail in the middle of a read", async () => {
    const source = await start({ fallback: 'error', maxLagMs: 5_000, monitor: { intervalMs: 19_000 } });
    const nodes: string[] = [];
    source.router.on('statement', ({ node, reason, errorCode }) =>
      nodes.push(`${node} ${reason} ${errorCode ?? 'ok'}`),
    );
    await Promise.all(cluster.replicas.map((node) => node.stop()));
    try {
      const outcome = await source.router
        .runOnReplica({}, () => source.query('SELECT count(*) FROM account'))
        .then(
          () => nodes.join(' | '),
          (error: { driverError?: { code?: string }; code?: string }) =>
            error.driverError?.code ?? error.code,
        );
      expect(outcome).toBe('REPLICA_NONE_ELIGIBLE');
    } finally {
      await Promise.all(cluster.replicas.map((node) => node.start()));
    }
  });

  it('destroy() ends though the primary hangs with a statement under way', async () => {
    const source = await start();
    const running = source.query('SELECT pg_sleep(0.3)').catch(() => undefined);
    await delay(100);
    await cluster.primary.hang();
    const destroying = source.destroy();
    sources.length = 0;
    const outcome = await within(
      8_000,
      destroying.then(() => 'destroyed'),
    );
    await cluster.primary.resume();
    await running;
    await within(3_000, destroying);
    expect(outcome).toBe('destroyed');
  });
});
