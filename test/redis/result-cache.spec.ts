import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ReplicaDataSource } from 'nestjs-replica';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { RedisServer, startRedisCluster } from './support/redis-server.js';
import { startSource } from '../support/app/start-source.js';
import { useLedgerCluster } from '../support/cluster/use-cluster.js';
import { Account, Entry } from '../support/ledger/accounts.js';

type Cache = DataSourceOptions['cache'];

const MINUTE_MS = 60_000;

const cluster = useLedgerCluster({ replicas: 1 });

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
