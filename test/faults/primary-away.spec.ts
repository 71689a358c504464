import { afterEach, describe, expect, it } from '@jest/globals';
import {
  CommitOutcomeUnknownError,
  PrimaryUnavailableError,
  ReplicaDataSource,
  TransactionLostError,
  type ReplicaModuleOptions,
} from 'nestjs-replica';
import { startTcpProxy, type PostgresCluster } from 'nestjs-replica/testing';
import type { QueryRunner } from 'typeorm';
import { startSource } from '../support/app/start-source.js';
import { forDatabase } from '../support/cluster/test-database.js';
import { until } from '../support/until.js';
import { useLedgerCluster, pauseReplay, resumeReplay } from '../support/cluster/use-cluster.js';
import { Account } from '../support/ledger/accounts.js';

/** What became of a call, and how long it took. */
interface Outcome {
  readonly value?: unknown;
  readonly error?: { readonly driverError?: unknown; readonly code?: string } & Error;
  readonly tookMs: number;
}

async function outcomeOf(promise: Promise<unknown>): Promise<Outcome> {
  const startedMs = performance.now();
  const settled = await promise.then(
    (value) => ({ value }),
    (error: Outcome['error']) => ({ error }),
  );
  return { ...settled, tookMs: performance.now() - startedMs };
}

const SLEEP_SQL = forDatabase({ postgres: 'SELECT pg_sleep(0.2)', mariadb: 'SELECT SLEEP(0.2)' });
const COUNT_SLOWLY_SQL = forDatabase({
  postgres: 'SELECT count(*)::int AS n, pg_sleep(1) FROM account',
  mariadb: 'SELECT count(*) AS n, SLEEP(1) FROM account',
});

const cluster = useLedgerCluster({
  isPerTest: true,
  count: 0,
  sql: `INSERT INTO account (owner) VALUES ('ann'), ('bob')`,
});

describe('without a primary', () => {
  let source: ReplicaDataSource | undefined;

  afterEach(async () => {
    await source?.destroy();
    source = undefined;
  });

  async function start(changes: Partial<ReplicaModuleOptions> = {}): Promise<ReplicaDataSource> {
    source = await startSource(cluster, { monitor: { intervalMs: 100, probeTimeoutMs: 300 }, ...changes });
    return source;
  }

  const primaryHealth = (): string | undefined => source?.router.topology().primary.health;
  const write = (of: ReplicaDataSource): Promise<unknown> =>
    of.getRepository(Account).increment({ id: 1 }, 'balance', 1);
  const balanceOn = async (node: {
    query: PostgresCluster['primary']['query'];
  }): Promise<number | undefined> =>
    (await node.query<{ balance: number }>('SELECT balance FROM account WHERE id = 1'))[0]?.balance;

  it('writes fail at once and say why, reads go on, and writes go on after a promotion', async () => {
    const data = await start();
    const [heir] = cluster.replicas;
    await cluster.primary.kill();
    await until(() => primaryHealth() === 'down', 'the loss of the primary');

    for (const one of [write(data), data.transaction((manager) => manager.save(new Account()))]) {
      const { error, tookMs } = await outcomeOf(one);
      expect(error?.driverError).toBeInstanceOf(PrimaryUnavailableError);
      expect(error).toMatchObject({
        code: 'REPLICA_PRIMARY_UNAVAILABLE',
        node: 'primary',
        address: `127.0.0.1:${cluster.primary.port}`,
        since: expect.any(Date),
      });
      expect(JSON.stringify(error) + String(error)).not.toContain(cluster.primary.password);
      expect(tookMs).toBeLessThan(500);
    }
    const read = (): Promise<unknown> =>
      data.router.runOnReplica({}, () => data.getRepository(Account).findOneBy({ id: 2 }));
    expect(await read()).toMatchObject({ owner: 'bob' });

    await heir?.promote();
    await until(() => data.router.topology().primary.name === heir?.name, 'the new primary');
    await write(data);
    expect(await balanceOn(heir as never)).toBe(1);
    expect(await read()).toMatchObject({ owner: 'bob' });
  });

  it('statements wait for a promotion as long as primaryWaitMs says, and go to the new primary', async () => {
    const data = await start({ primaryWaitMs: 15_000 });
    const [heir] = cluster.replicas;
    await cluster.primary.kill();
    await until(() => primaryHealth() === 'down', 'the loss of the primary');
    const waiting = [
      write(data),
      data.transaction((manager) => manager.increment(Account, { id: 1 }, 'balance', 10)),
    ];
    await heir?.promote();
    await Promise.all(waiting);
    expect(await balanceOn(heir as never)).toBe(11);
  });

  it('statements wait for the primary itself to return, and no longer than primaryWaitMs', async () => {
    const data = await start({ primaryWaitMs: 700 });
    await cluster.primary.stop();
    await until(() => primaryHealth() === 'down', 'the loss of the primary');
    const { error, tookMs } = await outcomeOf(write(data));
    expect(error?.driverError).toBeInstanceOf(PrimaryUnavailableError);
    expect(tookMs).toBeGreaterThanOrEqual(690);
    expect(tookMs).toBeLessThan(5_000);
    const starting = cluster.primary.start();
    for (;;) {
      const next = await outcomeOf(write(data));
      if (next.error === undefined) break;
      expect(next.error.driverError).toBeInstanceOf(PrimaryUnavailableError);
    }
    await starting;
    expect(await balanceOn(cluster.primary)).toBe(1);
  });

  /** A transaction that has written, on a runner of its own. */
  async function beginWriting(data: ReplicaDataSource): Promise<QueryRunner> {
    const runner = data.createQueryRunner();
    await runner.startTransaction();
    await runner.query('UPDATE account SET balance = balance + 100 WHERE id = 1');
    return runner;
  }

  it('a primary that hangs fails what needs it, but what it has begun waits for it', async () => {
    const data = await start();
    const runner = await beginWriting(data);
    // Connections that are there before: statements find one that is open, and hang on it.
    await Promise.all([data.query(SLEEP_SQL), data.query(SLEEP_SQL)]);
    await cluster.primary.hang();
    const committing = outcomeOf(runner.commitTransaction());
    // Outside a request only the primary will do.
    const given = await outcomeOf(data.query('SELECT owner FROM account WHERE id = 2'));
    expect(given.error).toMatchObject({ code: 'REPLICA_PRIMARY_UNAVAILABLE' });
    expect(given.tookMs).toBeLessThan(5_000);
    const { error, tookMs } = await outcomeOf(write(data));
    expect(error).toMatchObject({ code: 'REPLICA_PRIMARY_UNAVAILABLE' });
    expect(tookMs).toBeLessThan(300);

    await cluster.primary.resume();
    expect((await committing).error).toBeUndefined();
    await runner.release();
    await until(async () => (await outcomeOf(write(data))).error === undefined, 'a write');
    expect(await balanceOn(cluster.primary)).toBe(101);
  });

  it('a read that hangs on the primary is run on a replica that has caught up meanwhile', async () => {
    const data = await start();
    await pauseReplay(cluster);
    const nodes: string[] = [];
    data.router.on('statement', ({ kind, node, errorCode }) => {
      if (kind === 'read')
        nodes.push(`${String(node).replace(/-\d/, '')} ${errorCode === undefined ? 'answers' : 'fails'}`);
    });
    const rows = await data.router.runOnReplica({}, async () => {
      const read = (): Promise<unknown> => data.query('SELECT balance FROM account WHERE id = 1');
      await write(data);
      // Until the position of the write is known.
      await data.router.currentToken();
      await cluster.primary.hang();
      const reading = read();
      await resumeReplay(cluster);
      return reading;
    });
    expect(rows).toEqual([{ balance: 1 }]);
    expect(nodes).toEqual(['primary fails', 'replica answers']);
  });

  it('a promotion cuts what the old primary has begun: a transaction is lost, the outcome of a COMMIT unknown', async () => {
    const data = await start();
    const [heir] = cluster.replicas;
    const [open, committed] = [await beginWriting(data), data.createQueryRunner()];
    await committed.startTransaction();
    await committed.query('UPDATE account SET balance = 7 WHERE id = 2');
    await cluster.primary.hang();
    const stuck = outcomeOf(open.query('UPDATE account SET balance = balance + 100 WHERE id = 2'));
    const committing = outcomeOf(committed.commitTransaction());
    await heir?.promote();
    expect((await stuck).error?.driverError).toBeInstanceOf(TransactionLostError);
    const { error } = await committing;
    expect(error?.driverError).toBeInstanceOf(CommitOutcomeUnknownError);
    expect(error).toMatchObject({ code: 'REPLICA_COMMIT_OUTCOME_UNKNOWN', node: 'primary', step: 'commit' });
    await Promise.all([open.release(), committed.release()]);
    await write(data);
    expect(await balanceOn(heir as never)).toBe(1);
  });

  it('a monitor that gets no answer in time does not stop writes that do', async () => {
    let hangs = false;
    const never = new Promise<boolean>(() => undefined);
    const data = await start({
      monitor: {
        intervalMs: 100,
        probeTimeoutMs: 200,
        probe: ({ role }) => (role === 'primary' && hangs ? never : true),
      },
    });
    hangs = true;
    await until(() => primaryHealth() === 'down', 'the monitor giving up');
    const enoughMs = performance.now() + 3_000;
    while (performance.now() < enoughMs) await write(data);
    expect(primaryHealth()).toBe('down');
  });

  it('reads that run on replicas while another one is promoted are not failed', async () => {
    const data = await start();
    const [heir] = cluster.replicas;
    await cluster.primary.kill();
    const reads = Array.from({ length: 12 }, () =>
      data.router.runOnReplica({ consistency: 'eventual' }, () => data.query(COUNT_SLOWLY_SQL)),
    );
    await heir?.promote();
    for (const [row] of await Promise.all(reads)) expect(Number(row.n)).toBe(2);
  });

  it('writes fail while the address of the primary leads to a standby, and go where it leads then', async () => {
    const [standby, heir] = cluster.replicas;
    if (standby === undefined || heir === undefined) throw new Error('two replicas');
    await using proxy = await startTcpProxy(cluster.primary);
    const replicas = [{ name: standby.name, url: standby.url }];
    const data = await start({ primary: { url: proxy.url }, replicas });
    await write(data);
    await cluster.waitForCatchUp();
    proxy.redirect(standby);
    await cluster.primary.kill();
    const waitsFor = (text: string) => async (): Promise<boolean> =>
      String((await outcomeOf(write(data))).error).includes(text);
    await until(waitsFor('it is configured as the primary but is '), 'the standby to be found out');
    const { error } = await outcomeOf(data.transaction((manager) => manager.count(Account)));
    expect(error).toMatchObject({ code: 'REPLICA_PRIMARY_UNAVAILABLE' });
    // No connection breaks now: whoever asks on the old ones would be told by the standby for ever.
    proxy.redirect(heir);
    await heir.promote();
    await until(async () => (await outcomeOf(write(data))).error === undefined, 'a write');
    expect(await balanceOn(heir)).toBe(2);
    await data.destroy();
    source = undefined;
  });
});
