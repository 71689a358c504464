/**
 * Session guarantees, checked in recorded histories. `CHECKER_SECONDS` makes the main runs longer, `CHECKER_SEED` repeats
 * them; `-t` chooses one.
 */
import { describe, expect, it } from '@jest/globals';
import { checkHistory, describeHistory, type Operation, shrink } from './support/history.js';
import { type Mutation, type Run, runHistory, type RunOptions } from './support/run-history.js';

const SECONDS = Number(process.env.CHECKER_SECONDS ?? 10);
const SEED = Number(process.env.CHECKER_SEED ?? 7);

/** Defects that each break a rule, and the faults that bring them out. */
const MUTANTS: readonly (Mutation & {
  readonly rule: string;
  readonly plan: RunOptions['plan'];
  readonly store?: RunOptions['store'];
  readonly lanes?: boolean;
  readonly isPlain?: boolean;
  readonly hasCache?: boolean;
})[] = [
  {
    rule: 'compare the replayed position, not the received one',
    plan: 'replicas-lag',
    file: 'postgres/probe-statement.ts',
    from: 'pg_last_wal_replay_lsn()',
    to: 'pg_last_wal_receive_lsn()',
  },
  {
    rule: 'a session that moves needs all that it can have been shown',
    isPlain: true,
    plan: 'home-dies-ahead',
    file: 'routing/move-session.ts',
    from: 'const shown = query.positionAfter(kept?.lastReadMs ?? request.startedMs);',
    to: 'const shown = 0n;',
  },
  {
    rule: 'read the position after COMMIT, not before',
    plan: 'replicas-lag',
    lanes: false,
    file: 'engine/cluster.ts',
    from: 'return monitor.capturePositionSoon(monitor.topology.primary.name);',
    to: 'return Promise.resolve(monitor.topology.replicas[0]?.position ?? 0n);',
  },
  {
    rule: 'a position that comes with the answer of a write is of after it',
    plan: 'replicas-lag',
    file: 'engine/cluster.ts',
    from: 'monitor.acceptPosition(node, told)',
    to: '(void [node, told], monitor.topology.replicas[0]?.position ?? 0n)',
  },
  {
    rule: 'a store keeps the largest position, not the first',
    plan: 'replicas-lag',
    file: 'session/session-state.ts',
    from: 'position: laterPosition(a.position, b.position),',
    to: 'position: a.position ?? b.position,',
  },
  {
    rule: 'who loads a session waits for what was announced',
    plan: 'replicas-lag',
    store: 'memory',
    lanes: false,
    file: 'session/memory.store.ts',
    from: 'announced === undefined ?',
    to: 'announced !== null ?',
  },
  {
    rule: 'an error of the primary binds as a write',
    plan: 'replicas-lag',
    file: 'execution/pinned/pinned-writes.ts',
    from: 'this.#takeWrite()?.happened(position);\n      this.#logChanges(position);\n      return;',
    to: 'this.#takeWrite()?.abandoned();\n      return;',
  },
  {
    rule: 'a cached answer is for those alone whom it shows nothing older',
    plan: 'replicas-lag',
    store: 'memory',
    hasCache: true,
    file: 'typeorm/routed-result-cache.ts',
    from: 'return (await check?.allows(found)) !== false && (await this.#rule.allows(scope, found, queryRunner));',
    to: 'return true;',
  },
];

function explain({ operations, faults }: Run): string {
  const [violation] = checkHistory(operations);
  if (violation === undefined) return '';
  return `${violation.guarantee}:\n${describeHistory(shrink(operations, violation))}\n${faults.join('\n')}`;
}

describe('sessions while nodes fail', () => {
  it.each([
    { on: 'two processes', store: 'shared', lanes: true, hasCache: false },
    { on: 'two processes, without lanes,', store: 'shared', lanes: false, hasCache: false },
    { on: 'one, in its memory,', store: 'memory', lanes: false, hasCache: false },
    {
      on: 'one, in its memory, with lanes and a result cache,',
      store: 'memory',
      lanes: true,
      hasCache: true,
    },
    { on: 'one, carried by its clients,', store: 'token', lanes: true, hasCache: false },
  ] as const)(
    `on $on keep their guarantees for ${SECONDS} s (seed ${SEED})`,
    async ({ store, lanes, hasCache }) => {
      const durationMs = SECONDS * 1_000;
      const run = await runHistory({ seed: SEED, durationMs, plan: 'everything', store, lanes, hasCache });
      expect(explain(run)).toBe('');
      // A failover takes its time, in which nothing can be written.
      expect(run.failed).toBeLessThan(run.operations.length / 10);
      const reads = run.operations.filter(({ kind }) => kind === 'read');
      expect(reads.length).toBeGreaterThan(SECONDS * 10);
      const nodes = new Set(reads.map(({ node }) => node));
      // Each write takes cached answers of the only table away, so the cache may never answer.
      for (const node of ['primary', 'replica-1', 'replica-2']) expect(nodes).toContain(node);
      expect(run.operations.filter(({ kind }) => kind === 'write').length).toBeGreaterThan(SECONDS * 2);
    },
    SECONDS * 1_000 + 60_000,
  );

  it(
    `keep their guarantees while processes of replicas crash, for ${SECONDS} s (seed ${SEED})`,
    async () => {
      const durationMs = SECONDS * 1_000;
      const run = await runHistory({
        seed: SEED,
        durationMs,
        plan: 'processes-crash',
        store: 'memory',
        lanes: true,
      });
      expect(explain(run)).toBe('');
      expect(run.faults.length).toBeGreaterThan(SECONDS / 6);
      expect(run.operations.filter(({ kind }) => kind === 'read').length).toBeGreaterThan(SECONDS * 10);
    },
    SECONDS * 1_000 + 60_000,
  );

  it.each(MUTANTS)(
    'are seen broken when not this rule holds: $rule',
    async ({ plan, store, lanes, isPlain, hasCache, ...mutation }) => {
      const isEnough = (operations: readonly Operation[]): boolean => checkHistory(operations).length > 0;
      const { operations } = await runHistory({
        seed: SEED,
        durationMs: 60_000,
        plan,
        mutation,
        store,
        lanes,
        isPlain,
        hasCache,
        isEnough,
      });
      expect(checkHistory(operations).length).toBeGreaterThan(0);
    },
    120_000,
  );
});
