import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { RedisAnswers } from './redis-answers.js';
import { RedisMarks } from './redis-marks.js';

const TIMEOUT_MS = 250;

/** A Redis that answers when it is told to. */
class FakeRedis {
  /** The marks that it was sent, each command by its own: table and position. */
  readonly sent: string[] = [];
  readonly #answers: ((error?: Error) => void)[] = [];

  run(command: string[], key: string): Promise<unknown> {
    if (command[0] === 'GET') return Promise.resolve(null);
    this.sent.push(`${key.slice(key.lastIndexOf(':') + 1)} ${Number(`0x${command[4]}`)}`);
    return new Promise((resolve, reject) =>
      this.#answers.push((error) => (error === undefined ? resolve(1) : reject(error))),
    );
  }

  async answer(error?: Error): Promise<void> {
    for (const answer of this.#answers.splice(0)) answer(error);
    await jest.advanceTimersByTimeAsync(0);
  }
}

function setUp(): { redis: FakeRedis; marks: RedisMarks } {
  jest.useFakeTimers();
  const redis = new FakeRedis();
  return { redis, marks: new RedisMarks(redis as unknown as RedisAnswers, TIMEOUT_MS) };
}

async function isSettled(promise: Promise<void> | undefined): Promise<boolean> {
  let settled = false;
  void promise?.then(() => (settled = true));
  await jest.advanceTimersByTimeAsync(0);
  return settled;
}

describe('marks in Redis', () => {
  afterEach(() => void jest.useRealTimers());

  it('go together while others are on their way, the last one of each table', async () => {
    const { redis, marks } = setUp();
    const first = marks.raise(['a'], 1n);
    const later = [marks.raise(['a'], 3n), marks.raise(['a', 'b'], 2n)];
    expect(redis.sent).toEqual(['a 1']);
    expect(await isSettled(first)).toBe(false);
    await redis.answer();
    expect(await isSettled(first)).toBe(true);
    expect(redis.sent).toEqual(['a 1', 'a 3', 'b 2']);
    expect(await isSettled(later[0])).toBe(false);
    await redis.answer();
    expect([await isSettled(later[0]), await isSettled(later[1])]).toEqual([true, true]);
  });

  it('hold up one write while Redis hangs', async () => {
    const { redis, marks } = setUp();
    const first = marks.raise(['a'], 1n);
    await jest.advanceTimersByTimeAsync(TIMEOUT_MS);
    expect(await isSettled(first)).toBe(true);
    for (let position = 2n; position < 1_000n; position++)
      expect(marks.raise(['a'], position)).toBeUndefined();
    await redis.answer();
    expect(redis.sent).toEqual(['a 1', 'a 999']);
    expect(marks.raise(['a'], 1_000n)).toBeUndefined();
    await redis.answer();
    await redis.answer();
    expect(marks.raise(['a'], 1_001n)).toBeInstanceOf(Promise);
  });

  it('go again if Redis did not take them', async () => {
    const { redis, marks } = setUp();
    const first = marks.raise(['a'], 1n);
    await redis.answer(new Error('gone'));
    expect(await isSettled(first)).toBe(true);
    expect(await marks.read(['b'])).toEqual([undefined]);
    expect(redis.sent).toEqual(['a 1', 'a 1']);
    await redis.answer();
    void marks.read(['b']);
    expect(redis.sent).toHaveLength(2);
  });
});
