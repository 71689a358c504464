import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { checkHistory, describeHistory, shrink } from '../checker/support/history.js';
import { runHistory } from '../checker/support/run-history.js';
import { RedisServer } from './support/redis-server.js';

const SECONDS = Number(process.env.CHECKER_SECONDS ?? 3);
const SEED = Number(process.env.CHECKER_SEED ?? 7);

describe('sessions with a result cache in Redis', () => {
  let redis: RedisServer;

  beforeAll(async () => {
    redis = await RedisServer.start();
  });

  afterAll(() => redis.stop());

  it.each([
    ['one process', 'memory'],
    ['two processes', 'shared'],
  ] as const)(
    `of %s keep their guarantees while replicas lag, for ${SECONDS} s (seed ${SEED})`,
    async (_, store) => {
      const { operations } = await runHistory({
        seed: SEED,
        durationMs: SECONDS * 1_000,
        plan: 'replicas-lag',
        store,
        hasCache: true,
        cacheUrl: redis.url,
      });
      const [violation] = checkHistory(operations);
      expect(violation === undefined ? '' : describeHistory(shrink(operations, violation))).toBe('');
      expect(operations.filter(({ kind }) => kind === 'read').length).toBeGreaterThan(SECONDS * 10);
    },
  );
});
