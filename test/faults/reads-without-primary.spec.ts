/** The primary is gone and nobody is promoted: which reads go on, and which must not. */
import { describe, expect, it } from '@jest/globals';
import { Controller, Post } from '@nestjs/common';
import { useApp } from '../support/app/start-app.js';
import { forDatabase } from '../support/cluster/test-database.js';
import { until } from '../support/until.js';
import { useLedgerCluster, pauseReplay, resumeReplay } from '../support/cluster/use-cluster.js';
import { LedgerController } from '../support/ledger/ledger.controller.js';

@Controller()
class SlowController extends LedgerController {
  /** Goes on until the server ends. */
  @Post('accounts/:id/slow-deposit')
  async depositSlowly(): Promise<void> {
    await this.accounts.query(SLOW_DEPOSIT);
  }
}

const SLOW_DEPOSIT = forDatabase({
  postgres: 'UPDATE account SET balance = balance + 1 WHERE id = 1 AND pg_sleep(100) IS NOT NULL',
  mariadb: 'UPDATE account SET balance = balance + 1 WHERE id = 1 AND SLEEP(100) = 0',
});
const RUNNING_SQL = forDatabase({
  postgres: 'SELECT 1 FROM pg_stat_activity WHERE query = $1',
  mariadb: 'SELECT 1 FROM information_schema.processlist WHERE info = ?',
});

const cluster = useLedgerCluster({ count: 1 });
const app = useApp(cluster, [SlowController], { maxLagMs: 300, catchUpTimeoutMs: 100 });

describe('without a primary', () => {
  it('reads go on wherever a replica can serve them without breaking a promise', async () => {
    const { body: old } = await app.post('/accounts/1/add-and-read', 'ann');
    await app.getUntil('/accounts/1', 'ann', ({ nodes }) => nodes[0] !== 'primary');
    await pauseReplay(cluster);
    const { body: latest } = await app.post('/accounts/1/add-and-read', 'bob');
    const lost = app.post('/accounts/1/slow-deposit', 'carl');
    await until(async () => {
      const running = await cluster.primary.query(RUNNING_SQL, [SLOW_DEPOSIT]);
      return running.length === 1;
    });
    await cluster.primary.kill();
    expect((await lost).status).toBe(500);
    const isAway = ({ reasons }: { reasons: string[] }): boolean => reasons[0] === 'primary-away';

    expect((await app.getUntil('/accounts/1', 'ann', isAway)).body).toEqual(old);
    expect((await app.getUntil('/accounts/1', undefined, isAway)).body).toEqual(old);
    expect((await app.getUntil('/accounts/1/eventual', 'bob', isAway)).body).toEqual(old);
    // Nobody told carl that his deposit was made.
    expect((await app.getUntil('/accounts/1', 'carl', isAway)).body).toEqual(old);
    for (const [path, session] of [
      ['/accounts/1', 'bob'],
      ['/accounts/1/bounded', 'ann'],
      ['/accounts/1/forced', 'ann'],
    ] as const) {
      expect([path, (await app.get(path, session)).status]).toEqual([path, 500]);
    }

    await resumeReplay(cluster);
    expect((await app.getUntil('/accounts/1', 'bob', isAway)).body).toEqual(latest);
  });

  it('everything works as before once the primary is back', async () => {
    await cluster.primary.start();
    await until(async () => (await app.post('/accounts/1/add-and-read', 'ann')).status === 201);
    // The response does not wait for the monitor.
    await until(() => app.router.topology().primary.health === 'up');
    const { body: latest } = await app.get('/accounts/1/forced', 'ann');
    const unsure = await app.get('/accounts/1', 'carl');
    expect([unsure.body, unsure.reasons]).toEqual([latest, ['session-unknown']]);
    const back = await app.getUntil('/accounts/1', 'ann', ({ nodes }) => nodes[0] !== 'primary');
    expect(back.body).toEqual(latest);
    expect(back.reasons).toEqual(['session-replayed']);
  });
});
