import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Param, ParseIntPipe } from '@nestjs/common';
import type { PostgresCluster } from 'nestjs-replica/testing';
import { startAccountsCluster } from '../../e2e/module/support/accounts-cluster.js';
import { AccountsController } from '../../support/accounts.controller.js';
import { startApp, type TestApp } from '../../support/test-app.js';

const LAG_MS = 300;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

@Controller()
class StreamingController extends AccountsController {
  /** As a stream of events does that reads again and again. */
  @Get('accounts/:id/again-and-again')
  async again(@Param('id', ParseIntPipe) id: number): Promise<unknown[]> {
    await this.accounts.increment({ id }, 'balance', 1);
    const seen: unknown[] = [];
    for (const endMs = performance.now() + 6 * LAG_MS; performance.now() < endMs; await pause(50))
      seen.push((await this.accounts.findOneBy({ id }))?.balance);
    return seen;
  }
}

describe('a session that reads more often than replicas lag', () => {
  let cluster: PostgresCluster;
  let app: TestApp;
  const stopping = { writers: new AbortController() };
  let writing: Promise<void> = Promise.resolve();

  beforeAll(async () => {
    cluster = await startAccountsCluster();
    for (const node of cluster.replicas) {
      await node.query(`ALTER SYSTEM SET recovery_min_apply_delay = ${LAG_MS}`);
      await node.query('SELECT pg_reload_conf()');
    }
    app = await startApp(cluster, [StreamingController]);
    stopping.writers = new AbortController();
    const { signal } = stopping.writers;
    writing = (async () => {
      for (; !signal.aborted; await pause(20))
        await cluster.primary.query('UPDATE account SET balance = balance + 1 WHERE id <= 2');
    })();
  }, 60_000);
  afterEach(() => cluster.waitForCatchUp());
  afterAll(async () => {
    stopping.writers.abort();
    await writing;
    await app.close();
    await cluster.stop();
  });

  it('comes back to a replica soon after its write, and sees nothing older than before', async () => {
    await app.post('/accounts/1/add', 'often');
    const written = await app.get('/accounts/1', 'often');
    expect(written.nodes).toEqual(['primary']);
    const answers: { node: string | undefined; balance: number; atMs: number }[] = [];
    const startedMs = performance.now();
    while (performance.now() - startedMs < 10 * LAG_MS) {
      const { nodes, body } = await app.get('/accounts/1', 'often');
      answers.push({ node: nodes[0], balance: body.balance, atMs: performance.now() - startedMs });
      await pause(50);
    }
    const balances = [written.body.balance, ...answers.map(({ balance }) => balance)];
    expect(balances).toEqual(balances.toSorted((a, b) => a - b));
    const later = answers.filter(({ atMs }) => atMs > 5 * LAG_MS);
    const onPrimary = later.filter(({ node }) => node === 'primary');
    expect(later.length).toBeGreaterThan(3);
    expect(onPrimary.length).toBeLessThan(later.length / 4);
  });

  it('does so within one long request, too', async () => {
    const counts: Record<string, number> = {};
    const off = app.router.on('statement', ({ kind, node }) => {
      if (kind === 'read' && node !== null) counts[node] = (counts[node] ?? 0) + 1;
    });
    const { body } = await app.get('/accounts/2/again-and-again');
    off();
    const seen = body as number[];
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    const { primary = 0, ...replicas } = counts;
    const onReplicas = Object.values(replicas).reduce((sum, count) => sum + count, 0);
    expect([primary, onReplicas]).toEqual([expect.any(Number), expect.any(Number)]);
    expect(onReplicas).toBeGreaterThan(primary / 2);
  });
});
