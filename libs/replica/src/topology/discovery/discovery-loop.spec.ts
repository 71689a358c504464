import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { FAULTS_OF_FUNCTIONS } from '../../../../../test/support/faults-of-functions.js';
import { DiscoveryLoop, type DiscoveryResult } from './discovery-loop.js';
import { SafeMessageError } from '../../errors/safe-message.error.js';

const SETTINGS = { timeoutMs: 5_000, retryMs: 1_000, maxRetryMs: 4_000 };

describe('DiscoveryLoop', () => {
  let answers: (() => Promise<DiscoveryResult<string>>)[];
  let log: string[];
  let loop: DiscoveryLoop<string>;
  let looks: number;

  beforeEach(() => {
    jest.useFakeTimers();
    answers = [];
    log = [];
    looks = 0;
    loop = new DiscoveryLoop<string>({
      discovery: {
        find: () => {
          looks++;
          return (answers.length > 1 ? answers.shift() : answers[0])?.() as Promise<DiscoveryResult<string>>;
        },
      },
      settings: SETTINGS,
      apply: async (replicas) => {
        if (replicas.includes('bad')) throw new Error('bad is no replica');
        log.push(replicas.join(' '));
      },
      onFailure: (problem, isNews) => log.push(`${isNews ? 'news' : 'again'}: ${problem}`),
      onRecovery: () => log.push('recovered'),
      random: () => 0.5,
    });
  });

  afterEach(() => {
    loop.stop();
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  const found =
    (replicas: string[], validForMs = 10_000) =>
    () =>
      Promise.resolve({ replicas, validForMs });
  const fails = (message: string) => () =>
    Promise.reject<DiscoveryResult<string>>(new SafeMessageError(message));

  it('puts what it finds in place, and looks again no sooner than the answer is good for', async () => {
    answers = [found(['a', 'b']), found(['b'])];
    await loop.start();
    expect(log).toEqual(['a b']);
    await jest.advanceTimersByTimeAsync(9_999);
    expect(looks).toBe(1);
    await jest.advanceTimersByTimeAsync(1_001);
    expect(log).toEqual(['a b', 'b']);
  });

  it('tells a failure once, asks again later and later, and tells when it is over', async () => {
    answers = [fails('ENOTFOUND'), fails('ENOTFOUND'), fails('ENOTFOUND'), fails('ETIMEOUT'), found(['a'])];
    await loop.start();
    expect(log).toEqual(['news: ENOTFOUND']);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(log).toEqual(['news: ENOTFOUND', 'again: ENOTFOUND']);
    await jest.advanceTimersByTimeAsync(1_999);
    expect(looks).toBe(2);
    await jest.advanceTimersByTimeAsync(1 + 4_000);
    expect(log.slice(2)).toEqual(['again: ENOTFOUND', 'news: ETIMEOUT']);
    await jest.advanceTimersByTimeAsync(3_999);
    expect(looks).toBe(4);
    await jest.advanceTimersByTimeAsync(1);
    expect(log.slice(4)).toEqual(['a', 'recovered']);
  });

  it.each<[string, () => unknown, string]>([
    ['an empty list', found([]), 'it found no replica'],
    ['no list', () => Promise.resolve({ validForMs: 1 }), 'it gave no list of replicas'],
    ['nothing at all', () => Promise.resolve(undefined), 'it gave no list of replicas'],
    [
      'a time that is none',
      () => Promise.resolve({ replicas: ['a'], validForMs: Number.NaN }),
      'validForMs must be a number of at least 0, not NaN',
    ],
    [
      'an error that quotes a URL',
      () => Promise.reject(new Error('connect to postgres://app:s3/cr@t@h/x failed')),
      'it failed with Error, whose message is not shown: it may hold a credential',
    ],
    [
      'a list that cannot be put in place',
      found(['bad']),
      'it failed with Error, whose message is not shown: it may hold a credential',
    ],
  ])('changes nothing on %s', async (_, answer, problem) => {
    answers = [answer as () => Promise<DiscoveryResult<string>>];
    await loop.start();
    expect(log).toEqual([`news: ${problem}`]);
  });

  it('changes nothing on a function that throws at once', async () => {
    answers = [
      () => {
        throw new Error('thrown');
      },
    ];
    await loop.start();
    expect(log).toEqual(['news: it failed with Error, whose message is not shown: it may hold a credential']);
  });

  it('takes an answer that is too late for none', async () => {
    let answer: ((found: DiscoveryResult<string>) => void) | undefined;
    answers = [() => new Promise((resolve) => (answer = resolve)), found(['a'])];
    const started = loop.start();
    await jest.advanceTimersByTimeAsync(5_000);
    await started;
    expect(log).toEqual(['news: no answer within 5000 ms']);
    answer?.({ replicas: ['late'], validForMs: 1 });
    await jest.advanceTimersByTimeAsync(1_000);
    expect(log.slice(1)).toEqual(['a', 'recovered']);
  });

  it('puts nothing in place and tells nothing once it is stopped', async () => {
    answers = [() => new Promise(() => undefined)];
    const started = loop.start();
    loop.stop();
    await started;
    await jest.advanceTimersByTimeAsync(60_000);
    expect({ looks, log }).toEqual({ looks: 1, log: [] });
  });

  it('asks not without a pause however short the answer is good for', async () => {
    answers = [found(['a'], 0)];
    await loop.start();
    await jest.advanceTimersByTimeAsync(1_000);
    expect(looks).toBeLessThanOrEqual(101);
    expect(looks).toBeGreaterThan(50);
  });

  it.each(Object.keys(FAULTS_OF_FUNCTIONS))(
    'keeps what it has and asks again when find %s',
    async (fault) => {
      answers = [FAULTS_OF_FUNCTIONS[fault] as never, found(['a'])];
      const started = loop.start();
      await jest.advanceTimersByTimeAsync(SETTINGS.timeoutMs);
      await started;
      await jest.advanceTimersByTimeAsync(2 * SETTINGS.retryMs);
      expect(log).toEqual([expect.stringMatching(/^news: /), 'a', 'recovered']);
    },
  );
});
