import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ReplicaDataSource } from 'nestjs-replica';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { RedisServer, startRedisCluster } from './support/redis-server.js';
import { startSource } from '../support/app/start-source.js';
import { RedisAnswers } from '../../libs/replica/src/typeorm/redis-answers.js';
import { withPosition } from '../../libs/replica/src/typeorm/cached-position.js';
import { useLedgerCluster, whilePaused } from '../support/cluster/use-cluster.js';
import { isReady } from '../support/app/test-app.js';
import { until } from '../support/until.js';
import { Account, Entry } from '../support/ledger/accounts.js';

type Cache = DataSourceOptions['cache'];

const MINUTE_MS = 60_000;

/** Tables by which writes reach the accounts: by a foreign key, and perhaps by a trigger. */
const FURTHER_TABLES = `
  CREATE TABLE region (id int PRIMARY KEY);
  ALTER TABLE account ADD "regionId" int REFERENCES region ON DELETE SET NULL;
  CREATE TABLE audited (id int);
  CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
  CREATE TRIGGER audit AFTER INSERT ON audited EXECUTE FUNCTION audit();
  CREATE FUNCTION next_number() RETURNS int LANGUAGE sql AS 'UPDATE audited SET id = id + 1 RETURNING id';
  CREATE TABLE numbered (id int DEFAULT next_number());
  CREATE TABLE plain (id int)`;

const cluster = useLedgerCluster({ replicas: 1, sql: FURTHER_TABLES });

describe("TypeORM's result cache in Redis", () => {
  let redis: RedisServer;
  let redisCluster: RedisServer[];
  let id = 0;

  beforeAll(async () => {
    [redis, redisCluster] = await Promise.all([RedisServer.start(), startRedisCluster()]);
  });

  beforeEach(() => {
    id++;
  });

  afterAll(async () => {
    await Promise.all([redis.stop(), ...redisCluster.map((server) => server.stop())]);
  });

  const CACHES: Record<string, () => Cache> = {
    redis: () => ({ type: 'redis', options: { url: redis.url } }),
    ioredis: () => ({ type: 'ioredis', options: { host: '127.0.0.1', port: redis.port } }),
    'ioredis/cluster': () => ({
      type: 'ioredis/cluster',
      options: redisCluster.map(({ port }) => ({ host: '127.0.0.1', port })),
    }),
  };

  const startWith = (cache: Cache): Promise<ReplicaDataSource> => startSource(cluster, { cache });

  const balanceOf = async (dataSource: DataSource): Promise<number | undefined> => {
    const account = await dataSource
      .getRepository(Account)
      .findOne({ where: { id }, cache: { id: `account-${id}`, milliseconds: MINUTE_MS } });
    return account?.balance;
  };

  it.each(Object.keys(CACHES))('answers who may be answered: %s', async (kind) => {
    const dataSource = await startWith(CACHES[kind]?.());
    const { router } = dataSource;
    try {
      expect(await router.runOnReplica({}, () => balanceOf(dataSource))).toBe(0);
      await cluster.primary.query('UPDATE account SET balance = 5 WHERE id = $1', [id]);
      expect(await router.runOnReplica({}, () => balanceOf(dataSource))).toBe(0);
      expect(await router.runOnPrimary(() => balanceOf(dataSource))).toBe(5);
      await dataSource.queryResultCache?.remove([`account-${id}`]);
      await cluster.waitForCatchUp();
      expect(await router.runOnReplica({}, () => balanceOf(dataSource))).toBe(5);
    } finally {
      await dataSource.destroy();
    }
  });

  it.each(Object.keys(CACHES))('shows nobody less than what they wrote: %s', async (kind) => {
    const dataSource = await startWith(CACHES[kind]?.());
    const { router } = dataSource;
    try {
      expect(await router.runOnReplica({}, () => balanceOf(dataSource))).toBe(0);
      const seen = await router.runOnReplica({}, async () => {
        await dataSource.getRepository(Account).increment({ id }, 'balance', 1);
        return [await balanceOf(dataSource), await balanceOf(dataSource)];
      });
      expect(seen).toEqual([1, 1]);
      expect(await router.runOnReplica({}, () => balanceOf(dataSource))).toBe(1);
    } finally {
      await dataSource.destroy();
    }
  });

  describe.each(Object.keys(CACHES))('of two instances: %s', (kind) => {
    let a: ReplicaDataSource;
    let b: ReplicaDataSource;
    let runs = 0;

    beforeAll(async () => {
      [a, b] = await Promise.all([startWith(CACHES[kind]?.()), startWith(CACHES[kind]?.())]);
    });

    afterAll(async () => {
      await Promise.all([a.destroy(), b.destroy()]);
    });

    const readOn = (source: ReplicaDataSource): Promise<number | undefined> =>
      source.router.runOnReplica({ consistency: 'eventual' }, () => balanceOf(source));

    /** The other instance reads the old answer, on a replica that lags, after `invalidate` on the first one. */
    async function readOldAfter(invalidate: () => Promise<unknown>): Promise<void> {
      await cluster.waitForCatchUp();
      expect(await readOn(a)).toBe(0);
      await whilePaused(cluster, async () => {
        await invalidate();
        expect(await readOn(b)).toBe(0);
      });
      expect(await readOn(b)).toBe(1);
      expect(await readOn(a)).toBe(1);
    }

    const write = (): Promise<unknown> => a.getRepository(Account).increment({ id }, 'balance', 1);

    it('keeps an old answer out that is stored after remove()', () =>
      expect(
        readOldAfter(async () => {
          await write();
          await a.queryResultCache?.remove([`account-${id}`]);
        }),
      ).resolves.toBeUndefined());

    it('keeps it out after clear()', () =>
      expect(
        readOldAfter(async () => {
          await write();
          await a.queryResultCache?.clear();
        }),
      ).resolves.toBeUndefined());

    it('keeps it out after a remove() inside the transaction that writes', () =>
      expect(
        readOldAfter(() =>
          a.router.runOnPrimary(() =>
            a.transaction(async (manager) => {
              await manager.increment(Account, { id }, 'balance', 1);
              await a.queryResultCache?.remove([`account-${id}`]);
            }),
          ),
        ),
      ).resolves.toBeUndefined());

    /** The first instance reads until its answer is kept: as long as it only knows of an older replica, it keeps none after clear(). */
    async function cachedBalance(read: () => Promise<number | undefined>): Promise<number | undefined> {
      const entry = { identifier: `account-${id}`, query: '', duration: MINUTE_MS };
      let balance: number | undefined;
      await a.queryResultCache?.clear();
      await until(async () => {
        balance = await read();
        return (await b.queryResultCache?.getFromCache(entry)) !== undefined;
      }, 'a cached answer');
      return balance;
    }

    /** Whether the first instance answers from the cache what it has cached, after the second one has written. */
    async function isKeptAfter(...texts: readonly string[]): Promise<boolean> {
      const read = (): Promise<number | undefined> => a.router.runOnReplica({}, () => balanceOf(a));
      const before = await cachedBalance(read);
      await cluster.primary.query('UPDATE account SET balance = balance + 100 WHERE id = $1', [id]);
      expect(await read()).toBe(before);
      await b.transaction(async (manager) => {
        for (const text of texts) await manager.query(text);
      });
      await cluster.waitForCatchUp();
      await until(() => isReady(a.router), 'a replica without lag');
      const after = await read();
      expect(after).toBe(after === before ? before : (before ?? 0) + 100);
      return after === before;
    }

    it('does not show a read without a session what is older than the last write to its tables', async () => {
      const kept: Record<string, boolean> = {};
      for (const text of [
        `UPDATE account SET owner = 'somebody' WHERE id = ${id}`,
        'INSERT INTO plain VALUES (1)',
        'DELETE FROM region',
        'INSERT INTO audited VALUES (1)',
        'INSERT INTO numbered DEFAULT VALUES',
        'TRUNCATE plain',
      ])
        kept[text.split(' ').slice(0, 3).join(' ')] = await isKeptAfter(text);
      expect(kept).toEqual({
        'UPDATE account SET': false,
        'INSERT INTO plain': true,
        'DELETE FROM region': false,
        'INSERT INTO audited': false,
        'INSERT INTO numbered': false,
        'TRUNCATE plain': false,
      });
      expect(await isKeptAfter('INSERT INTO plain VALUES (1)', 'SELECT 1 FROM account FOR UPDATE')).toBe(
        true,
      );
      expect(
        await isKeptAfter('INSERT INTO plain VALUES (1)', 'DELETE FROM entry', 'DELETE FROM region'),
      ).toBe(false);
    });

    it('shows it to a read that may be older, until it expires', async () => {
      await cluster.waitForCatchUp();
      expect(await readOn(a)).toBe(0);
      await write();
      await cluster.waitForCatchUp();
      expect([await readOn(a), await readOn(b)]).toEqual([0, 0]);
    });

    it('keeps the newer of two answers that are stored at the same time', async () => {
      const answers = RedisAnswers.of(a.queryResultCache as never) as RedisAnswers;
      const query = `SELECT ${++runs} AS "${kind}"`;
      const store = (result: string, atLeast: bigint, atMost: bigint, history = 1): Promise<boolean> => {
        const position = { atLeast, atMost, history };
        const entry = { query, duration: MINUTE_MS, time: 0, result: withPosition(result, position) };
        return answers.store(entry, position);
      };
      const kept = async (): Promise<unknown> => {
        const entry = await b.queryResultCache?.getFromCache({ query, duration: MINUTE_MS });
        return (JSON.parse(String(entry?.result)) as unknown[])[0];
      };
      const steps: unknown[] = [];
      for (const [result, ...position] of [
        ['["first"]', 0xfen, 0xffn],
        ['["may be older"]', 0xfen, 0x100n],
        ['["as new"]', 0xffn, 0x100n],
        ['["older, of another history"]', 1n, 1n, 2],
      ] as const) {
        expect(await store(result, ...(position as [bigint, bigint, number?]))).toBe(true);
        steps.push(await kept());
      }
      expect(await answers.store({ query, duration: 1, result: '["who knows"]' }, undefined)).toBe(true);
      steps.push(await kept());
      const last = 'older, of another history';
      expect(steps).toEqual(['first', 'first', 'as new', last, last]);
    });
  });

  it('is shared with plain TypeORM', async () => {
    const cache: Cache = { type: 'redis', options: { url: redis.url } };
    const dataSource = await startWith(cache);
    const plain = new DataSource({
      type: 'postgres',
      url: cluster.primary.url,
      entities: [Account, Entry],
      cache,
    });
    await plain.initialize();
    try {
      expect(await dataSource.router.runOnReplica({}, () => balanceOf(dataSource))).toBe(0);
      await cluster.primary.query('UPDATE account SET balance = 5 WHERE id = $1', [id]);
      expect(await balanceOf(plain)).toBe(0);
      await plain.queryResultCache?.remove([`account-${id}`]);
      expect(await balanceOf(plain)).toBe(5);
      await cluster.waitForCatchUp();
      expect(await dataSource.router.runOnReplica({}, () => balanceOf(dataSource))).toBe(5);
    } finally {
      await plain.destroy();
      await dataSource.destroy();
    }
  });
});
