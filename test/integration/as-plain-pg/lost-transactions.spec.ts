import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ReplicaDataSource, TransactionLostError } from 'nestjs-replica';
import type pg from 'pg';
import type { QueryRunner } from 'typeorm';
import { startSource } from '../../support/app/start-source.js';
import { until } from '../../support/until.js';
import { useLedgerCluster } from '../../support/cluster/use-cluster.js';
import { Account } from '../../support/ledger/accounts.js';

const LOST = { code: 'REPLICA_TRANSACTION_LOST', driverError: expect.any(TransactionLostError) };

const cluster = useLedgerCluster({ replicas: 1, count: 2 });

describe('a transaction whose connection dies while nothing runs on it', () => {
  let source: ReplicaDataSource;
  let runner: QueryRunner;

  beforeAll(async () => {
    source = await startSource(cluster, { poolSize: 3 });
  });
  beforeEach(async () => {
    await source.query('UPDATE account SET balance = 0');
  });

  const balances = async (): Promise<number[]> =>
    (await cluster.primary.query<{ balance: number }>('SELECT balance FROM account ORDER BY id')).map(
      ({ balance }) => balance,
    );

  /** The physical connection under a runner in a transaction, once it is gone and this process knows. */
  async function die(of: QueryRunner): Promise<void> {
    const client = (await of.connect()) as pg.PoolClient;
    const ended = new Promise((resolve) => client.once('end', resolve));
    const [{ pid }] = await of.query('SELECT pg_backend_pid() AS pid');
    await cluster.primary.query('SELECT pg_terminate_backend($1)', [pid]);
    await ended;
  }

  async function beginWriting(): Promise<QueryRunner> {
    runner = source.createQueryRunner();
    await runner.startTransaction();
    await runner.manager.increment(Account, { id: 1 }, 'balance', 5);
    return runner;
  }

  it('is lost for the statement that comes next', async () => {
    await beginWriting();
    await die(runner);
    await expect(runner.manager.increment(Account, { id: 2 }, 'balance', 5)).rejects.toMatchObject(LOST);
    await runner.release();
    expect(await balances()).toEqual([0, 0]);
  });

  it('is lost for COMMIT', async () => {
    await beginWriting();
    await die(runner);
    await expect(runner.commitTransaction()).rejects.toMatchObject(LOST);
    await runner.release();
    expect(await balances()).toEqual([0, 0]);
  });

  it('is rolled back, as ROLLBACK is told; then the runner goes on elsewhere', async () => {
    await beginWriting();
    await die(runner);
    await runner.rollbackTransaction();
    await runner.startTransaction();
    await runner.manager.increment(Account, { id: 2 }, 'balance', 1);
    await runner.commitTransaction();
    await runner.release();
    expect(await balances()).toEqual([0, 1]);
  });

  it('stays lost until it is ended: nothing runs outside it that belonged inside', async () => {
    await beginWriting();
    await die(runner);
    for (const sql of ['SELECT 1', 'UPDATE account SET balance = 9', 'SAVEPOINT a', 'ROLLBACK TO a'])
      await expect(runner.query(sql)).rejects.toMatchObject(LOST);
    await expect(runner.query('COMMIT')).rejects.toMatchObject(LOST);
    await runner.query('UPDATE account SET balance = 3 WHERE id = 1');
    await runner.release();
    expect(await balances()).toEqual([3, 0]);
  });

  it('is lost for the savepoint of a nested one', async () => {
    await beginWriting();
    await runner.startTransaction();
    await die(runner);
    await expect(runner.rollbackTransaction()).rejects.toMatchObject(LOST);
    await runner.release();
    expect(await balances()).toEqual([0, 0]);
  });

  it('is lost for `transaction()`, and an error of its function stays what it is', async () => {
    const dying = source.transaction(async (manager) => {
      await manager.increment(Account, { id: 1 }, 'balance', 5);
      await die(manager.queryRunner as QueryRunner);
    });
    await expect(dying).rejects.toMatchObject(LOST);
    const failing = source.transaction(async (manager) => {
      await manager.increment(Account, { id: 1 }, 'balance', 5);
      await die(manager.queryRunner as QueryRunner);
      throw new Error('of its own');
    });
    await expect(failing).rejects.toThrow('of its own');
    expect(await balances()).toEqual([0, 0]);
  });

  it('is lost for a stream', async () => {
    await beginWriting();
    await die(runner);
    const stream = await runner.stream('SELECT * FROM account');
    const error = await new Promise((resolve) => stream.once('error', resolve));
    expect(error).toMatchObject({ code: 'REPLICA_TRANSACTION_LOST', cause: { code: '57P01' } });
    await expect(runner.query('SELECT 1')).rejects.toMatchObject(LOST);
    await runner.release();
  });

  it.each([
    ['idle_in_transaction_session_timeout', '25P03'],
    ['transaction_timeout', '25P04'],
  ])('is lost by %s, with the word of the server as its cause', async (setting, code) => {
    await beginWriting();
    const client = (await runner.connect()) as pg.PoolClient;
    const ended = new Promise((resolve) => client.once('end', resolve));
    await runner.query(`SET LOCAL ${setting} = 50`);
    await ended;
    await expect(runner.commitTransaction()).rejects.toMatchObject({
      ...LOST,
      driverError: { cause: { code } },
    });
    await runner.release();
    expect(await balances()).toEqual([0, 0]);
  });

  it('is lost when a time limit ends one of its statements', async () => {
    await beginWriting();
    await runner.query(`SET LOCAL transaction_timeout = 50`);
    await expect(runner.query('SELECT pg_sleep(10)')).rejects.toMatchObject({
      ...LOST,
      driverError: { cause: { code: '25P04' } },
    });
    await runner.release();
    expect(await balances()).toEqual([0, 0]);
  });

  it("is also told by 'error' where no transaction is open", async () => {
    runner = source.createQueryRunner();
    const client = (await runner.connect()) as pg.PoolClient;
    const told = new Promise((resolve) => client.once('error', resolve));
    const [{ pid }] = await runner.query('SELECT pg_backend_pid() AS pid');
    await runner.query('LISTEN news');
    await cluster.primary.query('SELECT pg_terminate_backend($1)', [pid]);
    expect(await told).toMatchObject({ code: '57P01' });
    await until(() => runner.isReleased);
  });
});
