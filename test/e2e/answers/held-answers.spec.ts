import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AnswersController, BODY, LARGE_BODY } from './support/answers.controller.js';
import { SESSIONS, startAnsweringApp, type Wrapping } from './support/answering-app.js';
import { Browser } from './support/browser.js';
import type { TestApp } from '../../support/app/test-app.js';
import { until } from '../../support/until.js';
import { useLedgerCluster, pauseReplay, resumeReplay } from '../../support/cluster/use-cluster.js';

/** How the answer is sent, and how often the handler writes for it. */
const WAYS: readonly (readonly [way: string, writes: number])[] = [
  ['value', 1],
  ['end', 1],
  ['end-twice', 1],
  ['end-callback', 2],
  ['writes', 4],
  ['drains', 2],
  ['pipe', 1],
  ['pipeline', 2],
  ['iterated', 2],
  ['file', 1],
  ['written-while-read', 2],
  ['with-length', 2],
];

const MATRIX: readonly (readonly [Wrapping, string])[] = [
  ['express', 'a slow store'],
  ['express', 'a cookie'],
  ['express, compression before', 'a slow store'],
  ['express, compression before', 'memory'],
  ['express, compression before', 'a cookie'],
  ['express, compression before', 'a header'],
  ['express, compression before', 'time'],
  ['express, compression before', 'none'],
  ['express, compression after', 'a slow store'],
  ['express, compression after', 'a cookie'],
  ['fastify', 'a slow store'],
  ['fastify', 'memory'],
  ['fastify', 'a cookie'],
  ['fastify, compressed', 'a slow store'],
  ['fastify, compressed', 'a header'],
  ['fastify, HTTP/2', 'a slow store'],
  ['fastify, HTTP/2', 'a cookie'],
];

const cluster = useLedgerCluster();
describe.each(MATRIX)('on %s, with sessions in %s', (wrapping, sessions) => {
  const isHttp2 = wrapping.endsWith('HTTP/2');
  const isCompressed = wrapping.includes('compress');
  const isRemembered = sessions !== 'none';
  let app: TestApp;
  let url: string;
  let id = 0;
  let browser: Browser;

  beforeAll(async () => {
    const options = SESSIONS[sessions]?.() ?? {};
    app = await startAnsweringApp(cluster, wrapping, options);
    url = await app.nest.getUrl();
    await cluster.primary.query('UPDATE account SET balance = 0');
    await cluster.waitForCatchUp();
    // From now on a replica shows nothing of what is written.
    await pauseReplay(cluster);
  }, 60_000);
  afterAll(async () => {
    // Fastify waits more than a minute for a client of HTTP/2 that stays.
    browser?.close();
    await app?.close();
    await resumeReplay(cluster);
    await cluster.waitForCatchUp();
  });

  /** A client that nobody knows yet, and an account of its own. */
  const newcomer = (): string => {
    browser?.close();
    id++;
    browser = new Browser(url, `${wrapping} ${id}`, isHttp2);
    return `/accounts/${id}`;
  };

  const balance = async (): Promise<number> => {
    const { body } = await browser.request(`/accounts/${id}`);
    return (JSON.parse(body) as { balance: number }).balance;
  };

  it.each(WAYS)('passes whole, and its client sees what it wrote next: %s', async (way, writes) => {
    const path = newcomer();
    const controller = app.nest.get(AnswersController);
    const before = controller.calledBack;
    const answer = await browser.request(`${path}/${way}`);
    expect([answer.status, answer.body === BODY]).toEqual([200, true]);
    // Neither compression nor HTTP/2 of Node call those of `write()`.
    if (way === 'end-callback' && !isCompressed) expect(controller.calledBack - before).toBeGreaterThan(0);
    if (isRemembered) expect(await balance()).toBe(writes);
  });

  it('passes events, and what was written before each', async () => {
    const path = newcomer();
    const { body } = await browser.request(`${path}/events`);
    expect(body.match(/data: \w+/g)).toEqual(['data: one', 'data: two', 'data: three']);
    if (isRemembered) expect(await balance()).toBe(3);
  });

  it.each([
    ['HEAD', 'head', 200],
    ['HEAD', 'value', 200],
    ['GET', 'not-modified', 304],
  ])('passes what has no body: %s %s', async (method, way, status) => {
    const path = newcomer();
    const answer = await browser.request(`${path}/${way}`, method);
    expect([answer.status, answer.body]).toEqual([status, '']);
    if (isRemembered) expect(await balance()).toBe(1);
  });

  // Compression drops trailers, with or without us.
  if (!isCompressed) {
    it('passes trailers', async () => {
      const path = newcomer();
      const answer = await browser.request(`${path}/trailers`);
      expect([answer.body === BODY, answer.trailers['x-sum']]).toEqual([true, '42']);
    });
  }

  if (!isHttp2) {
    it('goes on when a client leaves in the middle', async () => {
      const path = newcomer();
      const answer = await browser.begin(`${path}/written-while-read`);
      answer.destroy();
      expect((await browser.request(`${path}/end`)).body === BODY).toBe(true);
    });
  }

  if (['a slow store', 'memory'].includes(sessions) && !isHttp2 && !isCompressed) {
    it('covers a write that happens after end(), while the answer is still being sent', async () => {
      const path = newcomer();
      const controller = app.nest.get(AnswersController);
      const before = controller.finished;
      const answer = await browser.begin(`${path}/late`);
      await controller.lateWrite;
      expect(controller.finished).toBe(before);
      expect(await balance()).toBe(1);
      let bytes = 0;
      for await (const piece of answer) bytes += (piece as Buffer).length;
      expect(bytes).toBe(LARGE_BODY.length);
      await until(() => controller.finished > before, 'the end of the answer');
      expect(await balance()).toBe(1);
    });
  }
});
