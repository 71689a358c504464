import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Cluster, Redis } from 'ioredis';
import { type RedisClient, RedisSessionStore } from 'nestjs-replica';
import { setTimeout as delay } from 'node:timers/promises';
import { createClient, createClientPool, createCluster } from 'redis';
import { describeSessionStore } from '../support/session-store-contract.js';
import { RedisServer, startRedisCluster } from './support/redis-server.js';
import { until } from '../support/until.js';

const SOME = {
  position: 0x16b_3748n,
  primaryUntilMs: 5,
  unconfirmedUntilMs: 6,
  servedBy: 'replica-1',
  servedAtMs: 7,
};

/** Each kind of client, connected, and how to end it. */
interface Connected {
  readonly client: RedisClient;
  readonly close: () => unknown;
}

describe('RedisSessionStore', () => {
  let server: RedisServer;
  let redis: Redis;
  let open: Connected[];

  beforeAll(async () => {
    server = await RedisServer.start();
    redis = new Redis(server.port);
  });
  beforeEach(async () => {
    open = [];
    await redis.flushall();
  });
  afterEach(async () => {
    for (const { close } of open) await close();
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  const CLIENTS: Record<string, () => Connected | Promise<Connected>> = {
    ioredis: () => {
      const client = new Redis(server.port);
      return { client, close: () => client.disconnect() };
    },
    'ioredis with a key prefix': () => {
      const client = new Redis(server.port, { keyPrefix: 'app:' });
      return { client, close: () => client.disconnect() };
    },
    'node-redis': async () => {
      const client = await createClient({ url: server.url }).connect();
      return { client, close: () => client.destroy() };
    },
    'a pool of node-redis': async () => {
      const client = createClientPool({ url: server.url });
      await client.connect();
      return { client, close: () => client.destroy() };
    },
    'a function': () => ({
      client: ([command = '', ...args]) => redis.call(command, ...args),
      close: () => undefined,
    }),
  };

  const pass = (ms: number): Promise<void> => delay(ms);

  for (const [name, connect] of Object.entries(CLIENTS)) {
    describeSessionStore(
      `RedisSessionStore with ${name}`,
      async () => {
        const connected = await connect();
        open.push(connected);
        return {
          store: new RedisSessionStore({ client: connected.client }),
          pass,
          size: () => redis.dbsize(),
        };
      },
      400,
    );
  }

  it('keeps a session in Redis under a hash of its key, as one short string, and only for its time', async () => {
    await new RedisSessionStore({ client: redis }).save('sid-of-ann', SOME, 1_234.5);
    await new RedisSessionStore({ client: redis, prefix: 'shop:' }).save('sid-of-ann', SOME, 5_000);
    const keys = (await redis.keys('*')).toSorted();
    expect(keys).toEqual([
      expect.stringMatching(/^nestjs-replica:[\w-]{22}$/),
      expect.stringMatching(/^shop:[\w-]{22}$/),
    ]);
    expect(keys.join()).not.toContain('ann');
    expect(await redis.get(keys[0] ?? '')).toBe(
      '200000000016b3748000000000005000000000006000000000007replica-1',
    );
    const leftMs = await redis.pttl(keys[0] ?? '');
    expect(leftMs).toBeGreaterThan(1_000);
    expect(leftMs).toBeLessThanOrEqual(1_235);
  });

  it('takes one command to load and one to save, also right after Redis has lost its scripts', async () => {
    const store = new RedisSessionStore({ client: redis });
    await store.save('a', SOME, 60_000);
    await redis.script('FLUSH');
    expect(await store.load('a')).toEqual(SOME);
    await redis.config('RESETSTAT');
    await store.load('a');
    await store.load('b');
    await store.save('a', { position: 1n }, 60_000);
    const statistics = await redis.info('commandstats');
    const calls = [...statistics.matchAll(/cmdstat_(\w+):calls=(\d+)/g)].map(
      ([, name, count]) => `${name} ${count}`,
    );
    // `get` and `set` are the script's own.
    expect(calls.filter((call) => !/^(config|info)/.test(call)).toSorted()).toEqual([
      'evalsha 3',
      'get 3',
      'set 1',
    ]);
    await redis.script('FLUSH');
    await store.save('a', { position: 2n ** 62n }, 60_000);
    expect((await store.load('a'))?.position).toBe(2n ** 62n);
  });

  it.each([
    ['something else', 'hello'],
    ['a later version', '200000000016b3748000000000005000000000007replica-1'],
    ['half of it', '2000000000016b37'],
    ['nothing', ''],
  ])('does not take %s for a session that has written nothing', async (_, damaged) => {
    const store = new RedisSessionStore({ client: redis });
    await store.save('a', SOME, 60_000);
    const [key = ''] = await redis.keys('*');
    await redis.set(key, damaged);
    await expect(store.load('a')).rejects.toThrow('damaged, or of an unknown version');
    const before = Date.now();
    await store.save('a', { position: 3n }, 60_000);
    const healed = await store.load('a');
    expect(healed?.position).toBe(3n);
    // What it had seen is lost: it stays on the primary until that does not matter any more.
    expect(healed?.primaryUntilMs).toBeGreaterThanOrEqual(before + 60_000);
  });

  it('rejects where Redis does', async () => {
    const store = new RedisSessionStore({ client: redis });
    await store.save('a', SOME, 60_000);
    const [key = ''] = await redis.keys('*');
    await redis.del(key);
    await redis.lpush(key, 'a list');
    await expect(store.load('a')).rejects.toThrow('WRONGTYPE');
    await expect(store.save('a', SOME, 1_000)).rejects.toThrow('WRONGTYPE');
    await expect(store.save('b', { position: 2n ** 64n }, 1_000)).rejects.toThrow('64 bits');
  });

  it('dies with the process that started it', async () => {
    const other = await RedisServer.start();
    expect(await other.ask('PING')).toBe('PONG');
    await other.hang();
    await other.stop();
    await expect(other.ask('PING')).rejects.toThrow('Connection refused');
  });
});

describe('RedisSessionStore on a cluster of three', () => {
  let servers: RedisServer[];
  beforeAll(async () => (servers = await startRedisCluster()));
  afterAll(async () => {
    await Promise.all((servers ?? []).map((server) => server.stop()));
  });

  const CLUSTERS: Record<string, () => Promise<Connected>> = {
    ioredis: async () => {
      const client = new Cluster(
        servers.map(({ port }) => ({ host: '127.0.0.1', port })),
        { scaleReads: 'slave' },
      );
      await until(() => client.status === 'ready', 'the connection');
      return { client, close: () => client.disconnect() };
    },
    'node-redis': async () => {
      const client = createCluster({ rootNodes: servers.map(({ url }) => ({ url })), useReplicas: true });
      await client.connect();
      return { client, close: () => client.destroy() };
    },
  };

  it.each(Object.keys(CLUSTERS))('keeps sessions on all nodes, with %s', async (name) => {
    const { client, close } = await (CLUSTERS[name] as () => Promise<Connected>)();
    try {
      const store = new RedisSessionStore({ client, prefix: `${name}:` });
      const keys = Array.from({ length: 60 }, (_, index) => `session-${index}`);
      for (const position of [2n ** 63n, 2n ** 63n + 1n, 5n]) {
        await Promise.all(keys.map((key) => store.save(key, { position }, 60_000)));
      }
      const loaded = await Promise.all(keys.map((key) => store.load(key)));
      expect(new Set(loaded.map((state) => state?.position))).toEqual(new Set([2n ** 63n + 1n]));
      for (const server of servers) expect(Number(await server.ask('DBSIZE'))).toBeGreaterThan(5);
    } finally {
      await close();
    }
  });
});
