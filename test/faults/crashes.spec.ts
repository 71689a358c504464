import { describe, expect, it } from '@jest/globals';
import type { PostgresNode } from 'nestjs-replica/testing';
import { useLedger } from '../support/app/start-app.js';
import type { Answer } from '../support/app/test-app.js';
import { until } from '../support/until.js';
import { useLedgerCluster } from '../support/cluster/use-cluster.js';
import { crash } from '../support/cluster/crash.js';

/** What was written within this time a replica shows so much later, when it replays it once more after a crash. */
const DELAY_MS = 2_000;

const cluster = useLedgerCluster({ replicas: 1 });
// The monitor of a quiet application asks once in a second.
const app = useLedger(cluster, { monitor: { intervalMs: 1_000 } });

describe('a replica that recovers from a crash', () => {
  const replica = (): PostgresNode => cluster.replicas[0] as PostgresNode;
  const node = (): { health: string } | undefined => app.router.topology().replicas[0];
  const read = (): Promise<Answer> => app.get('/accounts/1', 'ann');
  const isAnswering = (): Promise<boolean> =>
    replica()
      .query('SELECT 1')
      .then(
        () => true,
        () => false,
      );
  const delay = async (ms: number): Promise<void> => {
    await replica().query(`ALTER SYSTEM SET recovery_min_apply_delay = '${ms}ms'`);
    await replica().query('SELECT pg_reload_conf()');
  };
  /** Writes, and waits until the session reads its write from the replica. */
  const writeAndRead = async (): Promise<number> => {
    await until(isAnswering);
    await delay(0);
    await app.post('/accounts/1/add', 'ann');
    const answer = await app.getUntil('/accounts/1', 'ann', ({ nodes }) => nodes[0] === 'replica-1');
    return answer.body.balance;
  };
  /** Has what the replica shows go back, for as long as it was told to delay. */
  const goBack = async (): Promise<void> => {
    await delay(DELAY_MS);
    await crash(replica());
  };

  it('shows nobody older data while it recovers, and serves again once it has caught up', async () => {
    for (let round = 0; round < 2; round++) {
      const balance = await writeAndRead();
      await goBack();
      const answers: Answer[] = [];
      await until(async () => {
        answers.push(await read());
        return answers.some(({ nodes }) => nodes[0] === 'primary') && node()?.health === 'up';
      }, 'the return');
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      expect(answers.filter((answer) => answer.body.balance < balance)).toEqual([]);
    }
  });

  it('shows nobody older data when it crashes and recovers between two requests', async () => {
    const balance = await writeAndRead();
    await goBack();
    await until(isAnswering);
    for (let count = 0; count < 50; count++) expect((await read()).body.balance).toBe(balance);
  });

  it('goes on serving when it has only lost connections', async () => {
    await writeAndRead();
    const changes: string[] = [];
    app.router.on('node:down', ({ problem }) => changes.push(problem));
    for (let count = 0; count < 5; count++) {
      // A probe that loses its connection is repeated once. One that cannot connect is a failure, so those that are just connecting are spared.
      await replica().query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend'
         AND pid <> pg_backend_pid() AND state = 'idle' AND query <> ''`,
      );
      await app.getUntil('/accounts/1', 'ann', ({ nodes }) => nodes[0] === 'replica-1');
    }
    expect(changes).toEqual([]);
  });
});
