import { describe, expect, it } from '@jest/globals';
import { cookieToken, headerToken, type ReplicaModuleOptions } from 'nestjs-replica';
import request from 'supertest';
import { PLATFORMS, useLedger, startLedger, type Platform } from '../../support/app/start-app.js';
import type { TestApp } from '../../support/app/test-app.js';
import { REPLICA } from '../../support/app/routes.js';
import { useLedgerCluster, whilePaused } from '../../support/cluster/use-cluster.js';

const SECRETS = {
  one: 'the first secret, of 32 letters or more',
  two: 'the second secret, of 32 letters or more',
};
const TOKEN = /^replica_session=([\w-]{70,100}); Max-Age=30; Path=\/; HttpOnly; SameSite=Lax$/;

const cluster = useLedgerCluster();
function start(
  session: NonNullable<ReplicaModuleOptions['session']>,
  platform: Platform = 'express',
): Promise<TestApp> {
  return startLedger(cluster, { session }, { platform });
}

function cookiesOf(response: request.Response): string[] {
  return ([response.headers['set-cookie'] ?? []] as (string | string[])[]).flat(2);
}

/** What the answer says of itself, for an expectation that reads as one line. */
function summaryOf({ body, headers }: request.Response): unknown {
  return { balance: body.balance, node: headers['x-replica-node'], reason: headers['x-replica-reason'] };
}

describe.each(PLATFORMS)('a session in a cookie, on %s', (platform) => {
  const app = useLedger(cluster, { session: { token: cookieToken(), secrets: [SECRETS.one] } }, { platform });
  const first = platform === 'express' ? 1 : 21;
  const server = (): ReturnType<typeof app.nest.getHttpServer> => app.nest.getHttpServer();

  it('gets none for what it only reads, nor for a request that leaves the database alone', async () => {
    const read = await app.http.get('/accounts/1');
    expect(read.headers['x-replica-node']).toEqual(REPLICA);
    expect(cookiesOf(read)).toEqual([]);
    expect(cookiesOf(await app.http.post('/nothing'))).toEqual([]);
  });

  it.each([
    ['a value', 'value', 201],
    ['no value', 'empty', 201],
    ['a response that the handler sends', 'own-response', 201],
    ['a known failure', 'fails', 418],
    ['a failure', 'breaks', 500],
    ['other cookies', 'cookies', 201],
  ])(
    'gets one with %s after a write, and reads it from then on, with replay paused',
    async (_, path, status) => {
      const id = first + ['value', 'empty', 'own-response', 'fails', 'breaks', 'cookies'].indexOf(path);
      await whilePaused(cluster, async () => {
        const agent = request.agent(server());
        const written = await agent.post(`/accounts/${id}/${path}`);
        expect(written.status).toBe(status);
        const ours = cookiesOf(written).filter((cookie) => cookie.startsWith('replica_session='));
        expect(ours).toEqual([expect.stringMatching(TOKEN)]);
        const others = cookiesOf(written).filter((cookie) => !ours.includes(cookie));
        expect(others).toEqual(path === 'cookies' ? ['a=1; Path=/', 'b=2; Path=/'] : []);
        // Fastify's own `send()` lets the headers leave before the position is known: then for a time, as with a stream.
        const isForATime = platform === 'fastify' && path === 'own-response';
        expect(summaryOf(await agent.get(`/accounts/${id}`))).toEqual({
          balance: 1,
          node: 'primary',
          reason: isForATime ? 'session-unknown' : 'session-ahead',
        });
        expect((await app.http.get(`/accounts/${id}`)).body.balance).toBe(0);
      });
    },
  );

  it('gets one that keeps it on the primary if the answer began before the write', async () => {
    const id = first + 10;
    await whilePaused(cluster, async () => {
      const agent = request.agent(server());
      const streamed = await agent.post(`/accounts/${id}/streamed`);
      expect(cookiesOf(streamed)).toEqual([expect.stringMatching(TOKEN)]);
      expect(summaryOf(await agent.get(`/accounts/${id}`))).toEqual({
        balance: 1,
        node: 'primary',
        reason: 'session-unknown',
      });
    });
  });

  it('goes back to the replicas when they have replayed its write', async () => {
    const agent = request.agent(server());
    await agent.post(`/accounts/${first + 11}/value`);
    for (let tries = 0; tries < 500; tries++) {
      const { body, headers } = await agent.get(`/accounts/${first + 11}`);
      expect(body.balance).toBe(1);
      if (headers['x-replica-node'] !== 'primary') {
        expect(headers['x-replica-reason']).toBe('session-replayed');
        return;
      }
    }
    throw new Error('it never went back');
  });

  it("is ignored, and counted, if it is forged, damaged or somebody else's, and moves no load", async () => {
    const agent = request.agent(server());
    const token =
      TOKEN.exec(cookiesOf(await agent.post(`/accounts/${first + 12}/value`))[0] ?? '')?.[1] ?? '';
    await cluster.waitForCatchUp();
    const forged = [
      token.slice(0, -1),
      `B${token.slice(1)}`,
      token.replace(/.$/, (letter) => (letter === 'A' ? 'B' : 'A')),
      'x'.repeat(2_000),
      '%00',
      '"',
      '{}',
    ];
    const before = app.router.counters().foreignTokens;
    for (const value of forged) {
      const answer = await app.http.get('/accounts/1').set('cookie', `replica_session=${value}`);
      expect([value, answer.status, answer.headers['x-replica-reason']]).toEqual([
        value,
        200,
        'session-free',
      ]);
      expect(cookiesOf(answer)).toEqual([]);
    }
    expect(app.router.counters().foreignTokens - before).toBe(forged.length);
  });

  it('keeps the larger position when it writes in several requests at once', async () => {
    await whilePaused(cluster, async () => {
      const id = first + 13;
      const cookie = (cookiesOf(await app.http.post(`/accounts/${id}/value`))[0] ?? '').split(';')[0] ?? '';
      const answers = await Promise.all(
        Array.from({ length: 8 }, () => app.http.post(`/accounts/${id}/value`).set('cookie', cookie)),
      );
      for (const answer of answers) {
        const one = cookiesOf(answer)[0]?.split(';')[0] ?? '';
        const read = await app.http.get(`/accounts/${id}`).set('cookie', one);
        expect(read.body.balance).toBe(9);
      }
    });
  });
});

describe('application instances that share only a secret', () => {
  it('know what a session has written on another one, also while the secret is replaced', async () => {
    const token = cookieToken();
    const [before, during, after] = await Promise.all([
      start({ token, secrets: [SECRETS.one] }),
      start({ token, secrets: [SECRETS.two, SECRETS.one] }),
      start({ token, secrets: [SECRETS.two] }),
    ]);
    const apps = [before, during, after];
    const written = async (app: TestApp): Promise<string> => {
      const answer = await app.http.post('/accounts/50/value');
      return cookiesOf(answer)[0]?.split(';')[0] ?? '';
    };
    const reasonOn = async (app: TestApp, cookie: string): Promise<unknown> =>
      (await app.http.get('/accounts/50').set('cookie', cookie)).headers['x-replica-reason'];
    try {
      await whilePaused(cluster, async () => {
        const [old, renewed] = [await written(before), await written(during)];
        expect([await reasonOn(before, old), await reasonOn(during, old)]).toEqual([
          'session-ahead',
          'session-ahead',
        ]);
        expect([await reasonOn(during, renewed), await reasonOn(after, renewed)]).toEqual([
          'session-ahead',
          'session-ahead',
        ]);
        // The secret was dropped before `ttlMs` was over, or is not there yet: no harm but that.
        expect([await reasonOn(after, old), await reasonOn(before, renewed)]).toEqual([
          'session-free',
          'session-free',
        ]);
        expect(apps.map((app) => app.router.counters().foreignTokens)).toEqual([1, 0, 1]);
      });
    } finally {
      await Promise.all(apps.map((app) => app.close()));
    }
  });
});

describe.each(PLATFORMS)('a session in a header, on %s', (platform) => {
  it('gets a token after a write, and is known by it', async () => {
    const app = await start({ token: headerToken(), secrets: [SECRETS.one] }, platform);
    const id = platform === 'express' ? 60 : 61;
    try {
      await whilePaused(cluster, async () => {
        const { http } = app;
        expect((await http.get(`/accounts/${id}`)).headers).not.toHaveProperty('x-replica-token');
        const written = await http.post(`/accounts/${id}/value`);
        const token = written.headers['x-replica-token'] as string;
        expect(token).toMatch(/^[\w-]{70,100}$/);
        expect(cookiesOf(written)).toEqual([]);
        const read = await http.get(`/accounts/${id}`).set('x-replica-token', token);
        expect(summaryOf(read)).toEqual({ balance: 1, node: 'primary', reason: 'session-ahead' });
        const other = await http.get(`/accounts/${id}`).set('x-replica-token', `${token}x`);
        expect(summaryOf(other)).toMatchObject({ balance: 0, node: REPLICA });
      });
    } finally {
      await app.close();
    }
  });
});
