import { afterEach, describe, expect, it } from '@jest/globals';
import { ReplicaDataSource } from 'nestjs-replica';
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { within } from './support/clock.js';
import QueryStream from 'pg-query-stream';
import { lanePool } from '../support/lanes/lane-pool.js';
import { startSource } from '../support/app/start-source.js';
import { takeClient } from '../support/app/take-client.js';
import { forDatabase, onPostgres } from '../support/cluster/test-database.js';
import { until } from '../support/until.js';
import { useLedgerCluster, whilePaused } from '../support/cluster/use-cluster.js';

/** Takes so many seconds, or fails. */
const sleepSql = forDatabase({
  postgres: (seconds: number) => `SELECT count(*) AS n, pg_sleep(${seconds}) /* sleeps */ FROM account`,
  mariadb: (seconds: number) => `SELECT count(*) AS n, SLEEP(${seconds}) /* sleeps */ FROM account`,
});
const PORT_SQL = forDatabase({
  postgres: 'SELECT inet_server_port() AS port, count(*) FROM account',
  mariadb: 'SELECT @@port AS port, count(*) FROM account',
});
/** Of the connections on which something sleeps. */
const SLEEPING_SQL = forDatabase({
  postgres: `SELECT pid AS id FROM pg_stat_activity
    WHERE state = 'active' AND query LIKE '%/* sleeps */%' AND pid <> pg_backend_pid()`,
  mariadb: `SELECT id FROM information_schema.processlist WHERE user = 'app' AND info LIKE '%/* sleeps */%'`,
});
const endSql = forDatabase({
  postgres: (id: unknown) => `SELECT pg_terminate_backend(${Number(id)})`,
  mariadb: (id: unknown) => `KILL CONNECTION ${Number(id)}`,
});

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

  onPostgres(() => {
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
      const client = await takeClient<pg.Client & { release(): void }>(source);
      const stream = client.query(new QueryStream('SELECT id FROM account'));
      stream.destroy(); // say, the HTTP client has gone
      await delay(100);
      client.release();
      expect(await within(3_000, source.query('SELECT 1 AS one'))).toEqual([{ one: 1 }]);
    });

    it('a stream on a connection that broke in a transaction ends, and so does the rollback', async () => {
      const source = await start();
      const client = await takeClient<pg.Client & { release(): void }>(source);
      await client.query('BEGIN');
      const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
      await cluster.primary.query('SELECT pg_terminate_backend($1)', [rows[0].pid]);
      await delay(100);
      const stream = client.query(new QueryStream('SELECT id FROM account'));
      stream.on('error', () => undefined).resume();
      const rollback = (client.query('ROLLBACK') as Promise<unknown>).then(
        () => 'settled',
        () => 'settled',
      );
      const outcome = await within(3_000, rollback);
      client.release();
      expect(outcome).toBe('settled');
    });
  });

  it('a release during BEGIN leaves no transaction open on a pooled connection', async () => {
    const source = await start({ extra: { max: 1 } });
    const runner = source.createQueryRunner();
    await runner.query('SELECT 1');
    // A slow answer to the first statement of a transaction, and a time limit that releases meanwhile.
    await cluster.primary.hang();
    const beginning = runner.query('BEGIN').catch(() => undefined);
    await turn();
    await runner.release();
    await cluster.primary.resume();
    await beginning;
    await source.query(`INSERT INTO account (owner) VALUES ('must stay')`);
    const rows = await cluster.primary.query(`SELECT 1 AS n FROM account WHERE owner = 'must stay'`);
    expect(rows).toHaveLength(1);
  });

  it('a release during COMMIT leaves the outcome of the write unknown', async () => {
    const source = await start();
    await whilePaused(cluster, async () => {
      const seen = await source.router.runOnReplica({}, async () => {
        const runner = source.createQueryRunner('slave');
        await runner.query('BEGIN');
        await runner.query('UPDATE account SET balance = balance + 1 WHERE id = 7');
        const committing = runner.query('COMMIT').catch(() => undefined);
        await turn();
        await runner.release();
        await committing;
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
    const runner = source.createQueryRunner();
    await runner.query('BEGIN').catch(() => undefined);
    await runner.release();
    stop();
    await source.query(`INSERT INTO account (owner) VALUES ('must stay too')`);
    const rows = await cluster.primary.query(`SELECT 1 AS n FROM account WHERE owner = 'must stay too'`);
    expect(rows).toHaveLength(1);
  });

  it('a full pool does not count as a fault of its replica, which stays up while its reads go on', async () => {
    // Less than a slow read takes, and enough to connect on a busy machine.
    const connectTimeout = forDatabase<object>({
      postgres: { connectTimeoutMS: 1_000 },
      mariadb: { connectTimeout: 1_000 },
    });
    const source = await start({ extra: { max: 1 }, ...connectTimeout });
    const changes: string[] = [];
    source.router.on('statement', ({ node, errorCode }) => changes.push(`${node} ${errorCode ?? 'ok'}`));
    const down = new Set<string>();
    const watch = setInterval(() => {
      for (const { name, health } of source.router.topology().replicas) if (health === 'down') down.add(name);
    }, 1);
    const slow = (): Promise<unknown> => source.router.runOnReplica({}, () => source.query(sleepSql(1.5)));
    await Promise.allSettled(Array.from({ length: 6 }, slow));
    clearInterval(watch);
    // A read that was running must never lose its connection.
    expect([changes.filter((line) => line.endsWith(' unknown')), [...down]]).toEqual([[], []]);
  });

  it('one terminated backend does not break what else runs on that replica', async () => {
    const source = await start();
    // A read-only transaction on some replica, and more reads, some of them on the same.
    const outcome = source.router.readOnlyTransaction({}, async (manager) => {
      const [own] = await manager.query(PORT_SQL);
      const node = cluster.replicas.find(({ port }) => port === Number(own.port)) ?? cluster.primary;
      const reads = Array.from({ length: 8 }, () =>
        source.router.runOnReplica({}, () => source.query(sleepSql(1))),
      );
      let victim: unknown;
      await until(async () => (victim = (await node.query(SLEEPING_SQL))[0]?.id) !== undefined, 'a read');
      await node.query(endSql(victim));
      await Promise.all(reads);
      return manager.query('SELECT CAST(count(*) AS int) AS n FROM account WHERE id = 1');
    });
    const [row] = (await outcome) as { n: unknown }[];
    expect(Number(row?.n)).toBe(1);
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
    const running = source.query(sleepSql(0.3)).catch(() => undefined);
    await until(async () => (await cluster.primary.query(SLEEPING_SQL)).length > 0, 'the statement');
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
