import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, NotFoundException, Param, ParseIntPipe, Patch, Post } from '@nestjs/common';
import { fromHeader } from 'nestjs-replica';
import type { PostgresCluster } from 'nestjs-replica/testing';
import { Agent, get, type IncomingMessage, type Server } from 'node:http';
import { PLATFORMS, useApp } from '../../support/app/start-app.js';
import type { TestApp } from '../../support/app/test-app.js';
import { REPLICA } from '../../support/app/routes.js';
import { until } from '../../support/until.js';
import { useLedgerCluster, whilePaused, resetLedger } from '../../support/cluster/use-cluster.js';
import { APPLICATION } from '../../support/cluster/transcript.js';
import { Account } from '../../support/ledger/accounts.js';
import { LedgerController } from '../../support/ledger/ledger.controller.js';

@Controller()
class AccountsController extends LedgerController {
  /** Handlers under way. */
  running = 0;

  @Patch('accounts/:id')
  async save(@Param('id', ParseIntPipe) id: number): Promise<Account> {
    const account = await this.accounts.findOneByOrFail({ id });
    account.balance += 1;
    return this.accounts.save(account);
  }

  @Post('accounts/:id/fails')
  async fails(@Param('id', ParseIntPipe) id: number): Promise<never> {
    return this.dataSource.transaction(async (manager) => {
      await manager.increment(Account, { id }, 'balance', 1);
      throw new NotFoundException();
    });
  }

  @Get('accounts/:id/broken')
  broken(): Promise<unknown> {
    return this.dataSource.query('SELECT 1 / 0');
  }

  @Get('accounts/:id/slowly')
  async slowly(@Param('id', ParseIntPipe) id: number): Promise<object> {
    this.running++;
    try {
      return await this.slow(id, 100);
    } finally {
      this.running--;
    }
  }
}

/** How many connections of the application do anything but wait, on all nodes of a cluster. */
async function busyConnections(cluster: PostgresCluster): Promise<object[]> {
  const rows = await Promise.all(
    cluster.nodes.map((node) =>
      node.query(
        `SELECT state, query FROM pg_stat_activity WHERE application_name = $1 AND state <> 'idle'`,
        [APPLICATION],
      ),
    ),
  );
  return rows.flat();
}

/** Replay is paused for as long as a busy machine takes for some hundred requests. */
const WITH_TIME = { maxLagMs: 110_000, session: { key: fromHeader('x-session'), ttlMs: 120_000 } };

const cluster = useLedgerCluster();
const otherCluster = useLedgerCluster({ replicas: 1 });

describe('two applications in one process', () => {
  const apps = [
    useApp(cluster, [AccountsController], WITH_TIME, { platform: PLATFORMS[0] }),
    useApp(otherCluster, [AccountsController], WITH_TIME, { platform: PLATFORMS[1] }),
  ] as const;

  it('do not know of each other, with the same sessions at the same time', async () => {
    const ids = Array.from({ length: 40 }, (_, index) => index + 1);
    const [first, second] = apps;
    await whilePaused(cluster, () =>
      whilePaused(otherCluster, async () => {
        // Sessions with even numbers write in the first application only, odd ones in the second only.
        await Promise.all(
          ids.flatMap((id) => [
            (id % 2 === 0 ? first : second).call('patch', `/accounts/${id}`, `s-${id}`),
            (id % 2 === 0 ? second : first).get(`/accounts/${id}`, `s-${id}`),
          ]),
        );
        const answers = await Promise.all(
          ids.flatMap((id) => [first, second].map((app) => app.get(`/accounts/${id}`, `s-${id}`))),
        );
        ids.forEach((id, index) => {
          const [inFirst, inSecond] = [answers[2 * index], answers[2 * index + 1]];
          const [written, other] = id % 2 === 0 ? [inFirst, inSecond] : [inSecond, inFirst];
          expect(written).toMatchObject({ body: { id, balance: 1 }, nodes: ['primary'] });
          expect(other).toMatchObject({ body: { id, balance: 0 }, nodes: [REPLICA] });
        });
      }),
    );
  });

  it('keep running when the other one is closed', async () => {
    await apps[1].close();
    expect(await apps[0].get('/accounts/1')).toMatchObject({ status: 200, nodes: [REPLICA] });
    expect((await apps[0].call('patch', '/accounts/1')).status).toBe(200);
  });
});

describe.each(PLATFORMS)('300 requests of all kinds at once on %s', (platform) => {
  let warnings: Error[];
  const warned = (warning: Error): void => void warnings.push(warning);

  beforeAll(async () => {
    await resetLedger(cluster);
    process.on('warning', warned);
  });
  // On a busy machine a request may wait for a connection for longer than by default: what it is answered counts here.
  const waiting = { poolSize: 5, connectTimeoutMS: 60_000 };
  const app = useApp(cluster, [AccountsController], waiting, { platform });

  beforeEach(() => {
    warnings = [];
  });

  afterAll(() => void process.off('warning', warned));

  /** A request whose client goes away while the handler waits for the database. */
  async function abandoned(url: string): Promise<number> {
    const leaving = new AbortController();
    setTimeout(() => leaving.abort(), 20);
    return fetch(url, { signal: leaving.signal, headers: { connection: 'close' } }).then(
      ({ status }) => status,
      () => 0,
    );
  }

  it('get right answers and leave nothing behind: no connection, no listener, no warning', async () => {
    const listeners = process.eventNames().map((name) => [name, process.listenerCount(name)]);
    const url = await app.nest.getUrl();
    const ids = Array.from({ length: 50 }, (_, index) => index + 1);
    const [reads, patches, own, failures, broken, left] = await Promise.all([
      Promise.all(ids.map((id) => app.get(`/accounts/${id + 50}`, `reader-${id}`))),
      Promise.all(ids.map((id) => app.call('patch', `/accounts/${id}`, `writer-${id}`))),
      Promise.all(ids.map((id) => app.post(`/accounts/${id}/add-and-read`, `other-${id}`))),
      Promise.all(ids.map((id) => app.post(`/accounts/${id + 50}/fails`, `fails-${id}`))),
      Promise.all(ids.map((id) => app.get(`/accounts/${id}/broken`))),
      Promise.all(ids.map((id) => abandoned(`${url}/accounts/${id}/slowly`))),
    ]);
    expect(reads.map(({ body }) => body)).toEqual(
      ids.map((id) => expect.objectContaining({ id: id + 50, balance: 0 })),
    );
    expect(patches.map(({ status }) => status)).toEqual(ids.map(() => 200));
    expect(own.every(({ body }) => body.balance === 1 || body.balance === 2)).toBe(true);
    expect(failures.map(({ status }) => status)).toEqual(ids.map(() => 404));
    expect(broken.map(({ status }) => status)).toEqual(ids.map(() => 500));
    expect(left).toContain(0);

    await until(() => app.nest.get(AccountsController).running === 0, 'the end of abandoned handlers');
    await until(async () => (await busyConnections(cluster)).length === 0, 'the end of their statements');
    const again = await Promise.all(ids.map((id) => app.get(`/accounts/${id}`, `writer-${id}`)));
    expect(again.every(({ body }) => body.balance >= 1)).toBe(true);
    expect(warnings).toEqual([]);
    expect(process.eventNames().map((name) => [name, process.listenerCount(name)])).toEqual(listeners);
  });

  it('leave every connection of each pool to be used', async () => {
    const answers = await Promise.all(
      Array.from({ length: 15 }, (_, index) => app.get(`/accounts/${index + 1}/slowly`, `s-${index}`)),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(15).fill(200));
  });

  it('add no listener to a connection that they share', async () => {
    const counts = await listenersAfterRequests(app, 100);
    expect(counts[0]).toBeGreaterThan(0);
    expect(Math.max(...counts.slice(50))).toBe(Math.max(...counts.slice(0, 50)));
  });
});

/** Sends requests one after the other on one connection; the listeners of its socket as each begins. */
async function listenersAfterRequests(app: TestApp, count: number): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const url = `${await app.nest.getUrl()}/accounts/1`;
  const server = app.nest.getHttpServer() as Server;
  const counts: number[] = [];
  const watch = ({ socket }: IncomingMessage): void => {
    counts.push(socket.eventNames().reduce((sum, name) => sum + socket.listenerCount(name), 0));
  };
  server.on('request', watch);
  try {
    for (let index = 0; index < count; index++) {
      await new Promise<void>((resolve, reject) => {
        get(url, { agent }, (response) => response.resume().once('end', resolve)).once('error', reject);
      });
    }
  } finally {
    server.off('request', watch);
    agent.destroy();
  }
  return counts;
}
