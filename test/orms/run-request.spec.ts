import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { serve } from '@hono/node-server';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import { createRoutingPool, type RoutingPool } from 'nestjs-replica/pool';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isReady } from '../support/app/test-app.js';
import { useCluster, whilePaused } from '../support/cluster/use-cluster.js';
import { until } from '../support/until.js';

const cluster = useCluster({ replicas: 1, sql: 'CREATE TABLE note (id serial PRIMARY KEY)' });

let pool: RoutingPool;
beforeAll(async () => {
  pool = await createRoutingPool({
    primary: { url: cluster.primary.url },
    replicas: cluster.replicas.map(({ name, url }) => ({ name, url })),
    // No replica leaves the rotation because the machine is busy.
    maxLagMs: 25_000,
    monitor: { intervalMs: 100, probeTimeoutMs: 5_000 },
  });
  await until(() => isReady(pool.router), 'a replica without lag');
});
afterAll(async () => pool.end());

const add = (): Promise<unknown> => pool.query('INSERT INTO note DEFAULT VALUES');
const count = async (): Promise<number> =>
  (await pool.query<{ count: number }>('SELECT count(*)::int AS count FROM note')).rows[0]?.count ?? NaN;

/** Where the slow handler has got to, and what lets it go on. */
let slow: { entered: () => void; gate: Promise<void>; done: () => void };

/** What the handlers do, by path. */
const HANDLERS = {
  '/count': async () => ({ count: await count() }),
  '/add': async () => ({ added: await add() }),
  '/failing': async () => {
    await add();
    throw new Error('changed its mind');
  },
  '/slow': async () => {
    slow.entered();
    await slow.gate;
    await add();
    return {};
  },
} satisfies Record<string, () => Promise<object>>;

type Path = keyof typeof HANDLERS;
const PATHS = Object.keys(HANDLERS) as Path[];

/** A handler in a request, as the page shows it. */
async function handled(method: string, sessionKey: string | undefined, path: Path): Promise<object> {
  const outcome = pool.router.runRequest({ method, sessionKey }, () => HANDLERS[path]());
  return path === '/slow' ? outcome.finally(slow.done) : outcome;
}

interface Framework {
  readonly name: string;
  listen(): Promise<Server>;
}

const FRAMEWORKS: readonly Framework[] = [
  {
    name: 'Express',
    async listen() {
      const app = express();
      for (const path of PATHS)
        app.all(path, (request, response, next) => {
          handled(request.method, request.get('x-session'), path).then((body) => response.json(body), next);
        });
      const server = app.listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    },
  },
  {
    name: 'Fastify',
    async listen() {
      const app = fastify();
      for (const url of PATHS)
        app.route({
          method: ['GET', 'POST'],
          url,
          handler: ({ method, headers }) => handled(method, headers['x-session'] as string | undefined, url),
        });
      await app.listen({ port: 0, host: '127.0.0.1' });
      return app.server;
    },
  },
  {
    name: 'Hono',
    async listen() {
      const app = new Hono();
      app.use((c, next) => {
        const { method } = c.req;
        const outcome = pool.router.runRequest({ method, sessionKey: c.req.header('x-session') }, next);
        return c.req.path === '/slow' ? outcome.finally(slow.done) : outcome;
      });
      // Hono would print what a handler throws.
      app.onError((_, c) => c.text('failed', 500));
      for (const path of PATHS) app.all(path, async (c) => c.json(await HANDLERS[path]()));
      const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server;
      await once(server, 'listening');
      return server;
    },
  },
];

describe.each(FRAMEWORKS)('runRequest() in $name', (framework) => {
  let server: Server;
  beforeAll(async () => {
    server = await framework.listen();
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  afterEach(async () => cluster.waitForCatchUp());

  const send = (method: string, path: Path, session: string, signal?: AbortSignal): Promise<Response> =>
    fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, {
      method,
      headers: { 'x-session': session },
      ...(signal && { signal }),
    });
  const countOf = async (session: string): Promise<number> =>
    ((await (await send('GET', '/count', session)).json()) as { count: number }).count;

  it('shows a session its own write while the replica lags, and keeps concurrent sessions apart', async () => {
    const before = await countOf('stranger');
    await whilePaused(cluster, async () => {
      expect((await send('POST', '/add', 'writer')).status).toBe(200);
      const sessions = Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? 'writer' : 'stranger'));
      const counts = await Promise.all(sessions.map(countOf));
      expect(counts).toEqual(sessions.map((session) => (session === 'writer' ? before + 1 : before)));
    });
  });

  it('keeps what a handler wrote before it threw', async () => {
    const before = await countOf('stranger');
    await whilePaused(cluster, async () => {
      expect((await send('POST', '/failing', 'thrower')).status).toBe(500);
      expect(await countOf('thrower')).toBe(before + 1);
    });
  });

  it('keeps what a handler writes after its client has gone', async () => {
    const before = await countOf('stranger');
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const entered = new Promise<void>((resolve) => {
      slow = { entered: resolve, gate, done: () => undefined };
    });
    const done = new Promise<void>((resolve) => (slow.done = resolve));
    await whilePaused(cluster, async () => {
      const leaving = new AbortController();
      const answer = send('POST', '/slow', 'leaver', leaving.signal);
      await entered;
      leaving.abort();
      await expect(answer).rejects.toThrow('abort');
      open();
      await done;
      expect(await countOf('leaver')).toBe(before + 1);
    });
  });
});

it('a worker sees what whoever planned its job has written', async () => {
  const { router } = pool;
  const before = await count();
  await whilePaused(cluster, async () => {
    const token = await router.runRequest({ method: 'POST' }, async () => {
      await add();
      return router.currentToken();
    });
    expect(await router.runWithToken(token, count)).toBe(before + 1);
    expect(await router.runRequest({}, count)).toBe(before);
  });
});
