import '../support/cluster/on-mariadb.js';
import { describe, expect, it } from '@jest/globals';
import type { RunOptions } from '../checker/support/run-history.js';

// It has to be loaded after the database is chosen.
const { checkHistory, describeHistory, shrink } = await import('../checker/support/history.js');
const { runHistory } = await import('../checker/support/run-history.js');

const SECONDS = Number(process.env.CHECKER_SECONDS ?? 10);
const SEED = Number(process.env.CHECKER_SEED ?? 7);

const RUNS = [
  { on: 'two processes that share a store', store: 'shared', lanes: true },
  { on: 'one process, in its memory, without lanes', store: 'memory', lanes: false },
  { on: 'one process, carried by their clients', store: 'token', lanes: true },
] as const;

/** Defects that break a rule. */
const MUTATIONS = [
  {
    rule: 'a position that comes with the answer of a write is of after it',
    plan: 'replicas-lag',
    file: 'engine/cluster.ts',
    from: 'monitor.acceptPosition(node, told)',
    to: '(void [node, told], monitor.topology.replicas[0]?.position ?? 0n)',
  },
] as const satisfies readonly (RunOptions['mutation'] & Pick<RunOptions, 'plan'> & { rule: string })[];

describe('sessions on MariaDB while nodes fail', () => {
  it.each(RUNS)(
    `on $on keep their guarantees for ${SECONDS} s (seed ${SEED})`,
    async ({ store, lanes }) => {
      const run = await runHistory({
        seed: SEED,
        durationMs: SECONDS * 1_000,
        plan: 'everything',
        store,
        lanes,
      });
      const [violation] = checkHistory(run.operations);
      const found = violation && describeHistory(shrink(run.operations, violation));
      expect([violation?.guarantee, found, ...(violation ? run.faults : [])]).toEqual([undefined, undefined]);
      expect(run.failed).toBeLessThan(run.operations.length / 10);
      const reads = run.operations.filter(({ kind }) => kind === 'read');
      expect(reads.length).toBeGreaterThan(SECONDS * 10);
      const nodes = new Set(reads.map(({ node }) => node));
      for (const node of ['primary', 'replica-1', 'replica-2']) expect(nodes).toContain(node);
    },
    SECONDS * 1_000 + 60_000,
  );

  it.each(MUTATIONS)(
    'are seen broken when not this rule holds: $rule',
    async ({ plan, ...mutation }) => {
      const { operations } = await runHistory({
        seed: SEED,
        durationMs: 60_000,
        plan,
        mutation,
        isEnough: (soFar) => checkHistory(soFar).length > 0,
      });
      expect(checkHistory(operations).length).toBeGreaterThan(0);
    },
    120_000,
  );
});
