import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Param, ParseIntPipe } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { useApp } from '../../support/app/start-app.js';
import { forDatabase } from '../../support/cluster/test-database.js';
import { useLedgerCluster } from '../../support/cluster/use-cluster.js';
import { LedgerController } from '../../support/ledger/ledger.controller.js';

/** How far the replicas lag. MariaDB takes whole seconds only. */
const LAG_MS = forDatabase({ postgres: 300, mariadb: 1_000 });
const PAUSE_MS = LAG_MS / 6;

@Controller()
class StreamingController extends LedgerController {
  /** As a stream of events does that reads again and again. */
  @Get('accounts/:id/again-and-again')
  async again(@Param('id', ParseIntPipe) id: number): Promise<unknown[]> {
    await this.accounts.increment({ id }, 'balance', 1);
    const seen: unknown[] = [];
    for (const endMs = performance.now() + 6 * LAG_MS; performance.now() < endMs; await delay(PAUSE_MS))
      seen.push((await this.accounts.findOneBy({ id }))?.balance);
    return seen;
  }
}

const cluster = useLedgerCluster({
  settings: forDatabase<Record<string, number>>({
    postgres: { recovery_min_apply_delay: LAG_MS },
    mariadb: {},
  }),
});
// A read waits for its replica only if that lags by no more than this. A busy machine adds to the lag.
const app = useApp(cluster, [StreamingController], { catchUpTimeoutMs: 10 * LAG_MS });

describe('a session that reads more often than replicas lag', () => {
  const stopping = { writers: new AbortController() };
  let writing: Promise<void> = Promise.resolve();

  beforeAll(async () => {
    for (const replica of forDatabase({ postgres: [], mariadb: cluster.replicas }))
      await replica.query(`STOP SLAVE; CHANGE MASTER TO MASTER_DELAY = ${LAG_MS / 1_000}; START SLAVE`);
    stopping.writers = new AbortController();
    const { signal } = stopping.writers;
    writing = (async () => {
      for (; !signal.aborted; await delay(20))
        await cluster.primary.query('UPDATE account SET balance = balance + 1 WHERE id <= 2');
    })();
  }, 60_000);
  afterEach(() => cluster.waitForCatchUp());
  afterAll(async () => {
    stopping.writers.abort();
    await writing;
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
      await delay(PAUSE_MS);
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
