import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ReplicaDataSource } from 'nestjs-replica';
import { startPostgresCluster, type PostgresCluster } from 'nestjs-replica/testing';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { Account, Entry } from '../support/accounts.js';
import { until } from '../support/test-app.js';
import { RedisServer, startRedisCluster } from './support/redis-server.js';

type Cache = DataSourceOptions['cache'];

const MINUTE_MS = 60_000;

describe("TypeORM's result cache in Redis", () => {
  let cluster: PostgresCluster;
  let redis: RedisServer;
  let redisCluster: RedisServer[];
  let id = 0;

  beforeAll(async () => {
    [cluster, redis, redisCluster] = await Promise.all([
      startPostgresCluster({ replicas: 1 }),
      RedisServer.start(),
      startRedisCluster(),
    ]);
    await cluster.primary.query(
      'CREATE TABLE account (id serial PRIMARY KEY, owner varchar NOT NULL, balance int NOT NULL DEFAULT 0)',
    );
    await cluster.primary.query(`INSERT INTO account (owner) SELECT 'ann' FROM generate_series(1, 20)`);
    await cluster.waitForCatchUp();
  });

  beforeEach(() => {
    id++;
  });

  afterAll(async () => {
    await Promise.all([cluster.stop(), redis.stop(), ...redisCluster.map((server) => server.stop())]);
  });

  const CACHES: Record<string, () => Cache> = {
    redis: () => ({ type: 'redis', options: { url: redis.url } }),
    ioredis: () => ({ type: 'ioredis', options: { host: '127.0.0.1', port: redis.port } }),
    'ioredis/cluster': () => ({
      type: 'ioredis/cluster',
      options: redisCluster.map(({ port }) => ({ host: '127.0.0.1', port })),
    }),
  };

  async function startWith(cache: Cache): Promise<ReplicaDataSource> {
    const dataSource = new ReplicaDataSource({
      type: 'postgres',
      primary: { url: cluster.primary.url },
      replicas: cluster.replicas.map(({ url }) => ({ url })),
      entities: [Account, Entry],
      monitor: { intervalMs: 100 },
      cache,
    });
    await dataSource.initialize();
    await until(() => dataSource.router.topology().replicas.every(({ lagMs }) => lagMs === 0));
    return dataSource;
  }

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
