import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CommitOutcomeUnknownError, ReplicaDataSource, TransactionLostError } from 'nestjs-replica';
import { startTcpProxy, type TcpProxy } from 'nestjs-replica/testing';
import type pg from 'pg';
import { QueryFailedError, type QueryRunner } from 'typeorm';
import { startSource, sourceOptions } from '../support/app/start-source.js';
import { until } from '../support/until.js';
import { useLedgerCluster, resetLedger } from '../support/cluster/use-cluster.js';
import { Account } from '../support/ledger/accounts.js';

/** What a call failed with. */
const failureOf = (promise: Promise<unknown>): Promise<QueryFailedError & { code?: string }> =>
  promise.then(
    (value) => {
      throw new Error(`it did not fail but gave ${JSON.stringify(value)}`);
    },
    (error: QueryFailedError) => error,
  );

const cluster = useLedgerCluster({ replicas: 1 });

describe('a connection to the primary that is lost', () => {
  let proxy: TcpProxy;
  let source: ReplicaDataSource;
  let events: string[];

  beforeAll(async () => {
    proxy = await startTcpProxy(cluster.primary);
  });
  afterAll(async () => {
    await proxy.close();
  });

  beforeEach(async () => {
    await resetLedger(cluster, 2);
    source = new ReplicaDataSource({
      ...sourceOptions(cluster),
      primary: { url: proxy.url },
      // The monitor shall not be what notices.
      monitor: { intervalMs: 10_000, probeTimeoutMs: 5_000 },
      session: { ttlMs: 60_000 },
    });
    await source.initialize();
    await until(() => source.router.topology().replicas.every(({ health }) => health === 'up'));
    events = [];
    source.router.on('statement', ({ kind, node, errorCode }) =>
      events.push(`${kind} ${node} ${errorCode ?? 'ok'}`),
    );
  });
  afterEach(async () => {
    await proxy.restore();
    await source.destroy();
  });

  const balances = async (): Promise<number[]> =>
    (await cluster.primary.query<{ balance: number }>('SELECT balance FROM account ORDER BY id')).map(
      ({ balance }) => balance,
    );

  /** Starts something, and breaks the connection after its first statement was sent, before the server can get it. */
  async function breakUnder<T>(start: () => Promise<T>): Promise<T> {
    proxy.blackHole();
    const outcome = start();
    outcome.catch(() => undefined);
    // What is written to the socket by now is under way.
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    proxy.reset();
    await proxy.restore();
    return outcome;
  }

  async function beginWriting(): Promise<QueryRunner> {
    const runner = source.createQueryRunner();
    await runner.startTransaction();
    await runner.manager.increment(Account, { id: 1 }, 'balance', 5);
    return runner;
  }

  it('with a COMMIT under way: the outcome is unknown, as TypeORM tells it, too', async () => {
    const runner = await beginWriting();
    const error = await breakUnder(() => failureOf(runner.commitTransaction()));
    expect(error).toBeInstanceOf(QueryFailedError);
    expect(error).toMatchObject({ code: 'REPLICA_COMMIT_OUTCOME_UNKNOWN', node: 'primary', step: 'commit' });
    expect(error.driverError).toBeInstanceOf(CommitOutcomeUnknownError);
    expect(error.driverError.cause).toMatchObject({
      message: expect.stringMatching(/ECONNRESET|terminated/),
    });
    expect(error.message).toContain('it may have happened or not');
    await runner.release();
    expect(events.at(-1)).toBe('transaction-control primary REPLICA_COMMIT_OUTCOME_UNKNOWN');
  });

  it('with a write outside a transaction under way: the outcome is unknown, and was not in this case', async () => {
    // The answer is lost, not the statement.
    const blocker = source.createQueryRunner();
    await blocker.startTransaction();
    await blocker.query('SELECT 1 FROM account WHERE id = 2 FOR UPDATE');
    const failing = failureOf(source.query('UPDATE account SET balance = 9 WHERE id = 2'));
    await until(async () => {
      const waiting = await cluster.primary.query(
        `SELECT 1 AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock'`,
      );
      return waiting.length > 0;
    });
    proxy.blackHole();
    await cluster.primary.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%FOR UPDATE%' AND pid <> pg_backend_pid()`,
    );
    await until(async () => (await balances())[1] === 9, 'the write');
    await proxy.restore();
    const error = await failing;
    expect(error.driverError).toBeInstanceOf(CommitOutcomeUnknownError);
    expect(error).toMatchObject({ step: 'statement' });
    await blocker.release();
  });

  it('keeps the request on the primary whose write has an unknown outcome', async () => {
    await source.router.runOnReplica({}, async () => {
      await breakUnder(() => failureOf(source.query('UPDATE account SET balance = 9 WHERE id = 2')));
      events.length = 0;
      await source.query('SELECT count(*) FROM account');
    });
    expect(events).toEqual(['read primary ok']);
  });

  it('inside a transaction: nothing was written, and the runner can be released', async () => {
    const runner = await beginWriting();
    const error = await breakUnder(() =>
      failureOf(runner.query('UPDATE account SET balance = 7 WHERE id = 2')),
    );
    expect(error.driverError).toBeInstanceOf(TransactionLostError);
    expect(error).toMatchObject({ code: 'REPLICA_TRANSACTION_LOST', node: 'primary' });
    await runner.release();
    await source.query('SELECT 1');
    expect(await balances()).toEqual([0, 0]);
  });

  it('by a time-out of the client inside a transaction: it is rolled back whatever follows', async () => {
    await source.destroy();
    source = await startSource(cluster, { extra: { query_timeout: 300 } });
    const runner = await beginWriting();
    const error = await failureOf(runner.query('SELECT pg_sleep(1)'));
    expect(error.driverError).toBeInstanceOf(TransactionLostError);
    await failureOf(runner.commitTransaction());
    await runner.release().catch(() => undefined);
    await until(async () => (await open()) === 0, 'the end of the transaction');
    expect(await balances()).toEqual([0, 0]);
  });

  const open = async (): Promise<number> =>
    (
      await cluster.primary.query(
        `SELECT 1 AS n FROM pg_stat_activity WHERE query LIKE '%pg_sleep(1)' AND xact_start IS NOT NULL`,
      )
    ).length;

  it('before a transaction has begun: it begins on another one, and nobody learns of it', async () => {
    await breakUnder(() => source.getRepository(Account).save([{ owner: 'eve' }, { owner: 'joe' }]));
    expect(await balances()).toHaveLength(4);
    expect(events.slice(0, 2)).toEqual([expect.not.stringMatching(/ok$/), 'transaction-control primary ok']);
  });

  it('with a read under way: it is run once more', async () => {
    const rows = await breakUnder(() => source.query('SELECT owner FROM account WHERE id = 1'));
    expect(rows).toEqual([{ owner: 'owner-1' }]);
    expect(events).toEqual([expect.not.stringMatching(/ok$/), 'read primary ok']);
  });

  it('again and again: a read is given up after the third time', async () => {
    const runOnce = source.query('SELECT owner, pg_sleep(10) FROM account WHERE id = 1');
    const failing = failureOf(runOnce);
    const terminated = new Set<number>();
    await until(async () => {
      const rows = await cluster.primary.query<{ pid: number }>(
        `SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT owner, pg_sleep(10)%'`,
      );
      for (const { pid } of rows) terminated.add(pid);
      return terminated.size >= 3;
    });
    expect((await failing).driverError).toMatchObject({ code: '57P01' });
    expect(terminated.size).toBe(3);
  });

  it("tells the owner of a pg client by its 'error' event when no other connection helps", async () => {
    const pool = (source.driver as unknown as { master: { connect(): Promise<pg.PoolClient> } }).master;
    const client = await pool.connect();
    const errors: Error[] = [];
    client.on('error', (error) => errors.push(error));
    const failing = failureOf(client.query('SELECT pg_sleep(10), 1 AS thrice'));
    const terminated = new Set<number>();
    await until(async () => {
      const rows = await cluster.primary.query<{ pid: number }>(
        `SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%1 AS thrice'`,
      );
      for (const { pid } of rows) terminated.add(pid);
      return terminated.size >= 3;
    });
    await failing;
    client.release();
    expect(errors).toHaveLength(1);
  });
});
