import { describe, expect, it } from '@jest/globals';
import type { Route } from '../../routing/route.js';
import { CommitOutcomeUnknownError } from '../../errors/commit-outcome-unknown.error.js';
import type { NodeCrashedError } from '../../errors/node-crashed.error.js';
import { NodeUnavailableError } from '../../errors/node-unavailable.error.js';
import { PoolBusyError } from '../../errors/pool-busy.error.js';
import { PoolExhaustedError } from '../../errors/pool-exhausted.error.js';
import { PrimaryUnavailableError } from '../../errors/primary-unavailable.error.js';
import { WritePreventedError } from '../../errors/write-prevented.error.js';
import { RetryBudget } from './retry-budget.js';
import type { Statement } from '../statements/statement.js';
import { POSTGRES_ERRORS } from '../../postgres/error-kinds.js';
import type { AttemptedStatement, AttemptTools } from './attempt-tools.js';
import { Attempts } from './attempts.js';
import type { FailedAttempt } from './statement-reports.js';

const PLAIN = { mayWrite: false, keepsConnection: false, changesCatalog: false };
const READ: Statement = { ...PLAIN, kind: 'read' };
const BEGIN: Statement = { ...PLAIN, kind: 'transaction-control', transaction: 'begin' };
const WRITE: Statement = { ...PLAIN, kind: 'write', mayWrite: true };

const lost = (): Error => new Error('Connection terminated unexpectedly');
const refused = (node = 'primary'): NodeUnavailableError =>
  new NodeUnavailableError(node, 'x:5432', new Error('connect ECONNREFUSED'));
const sqlError = (code: string): Error => Object.assign(new Error(code), { code });

/** Attempts whose outcome on each node the test decides. */
class ScriptedAttempts extends Attempts<string> {
  readonly #onNode: (route: Route, statement: Statement) => Promise<string>;

  constructor(
    tools: AttemptTools,
    attempted: AttemptedStatement,
    onNode: (route: Route, statement: Statement) => Promise<string>,
  ) {
    super(tools, attempted);
    this.#onNode = onNode;
  }

  protected override runOn(route: Route): Promise<string> {
    return this.#onNode(route, this.statement);
  }

  protected override answered(): void {
    // Nobody has to be told.
  }

  protected override gaveUp(): void {
    // Nobody has to be told.
  }
}

/** The outcome of each attempt on each node: an error, or `undefined` for an answer. */
type Script = Record<string, (Error | undefined)[]>;

interface Scene {
  statement?: Statement;
  script?: Script;
  /** The replicas that the rule may name. */
  replicas?: readonly string[];
  /** The rule sends the statement to the primary unless that has failed. */
  prefersPrimary?: boolean;
  hasReplicas?: boolean;
  mayFallBack?: boolean;
  budget?: RetryBudget;
  limitMs?: number;
  /** How long each attempt takes. */
  tookMs?: number;
  isClosed?: () => boolean;
  opens?: (scene: { primary: string }) => Promise<void>;
  standIn?: string;
  /** The nodes known to be well after they lost a connection without a word. */
  cleared?: readonly string[];
  enter?: AttemptTools['enter'];
  refused?: AttemptTools['refused'];
  /** Called during each attempt. */
  onAttempt?: (scene: { primary: string }) => void;
}

const FAILURE: FailedAttempt = {
  statement: READ,
  trace: undefined,
  event: {
    kind: 'read',
    tables: null,
    node: 'r1',
    reason: 'session-free',
    durationMs: 1,
    errorCode: 'unknown',
    attempt: 1,
    isFinal: true,
    request: null,
  },
};

/** Runs a statement. Returns the nodes that were tried and the outcome. */
async function run(given: Scene): Promise<{ tried: string[]; outcome: unknown; reported: number }> {
  const state = { primary: 'primary', nowMs: 0 };
  const tried: string[] = [];
  let reported = 0;
  const { replicas = ['r1', 'r2', 'r3'], script = {}, prefersPrimary = false } = given;
  const find = (failed: readonly string[]): Route => {
    const replica = replicas.find((name) => !failed.includes(name));
    const isPrimaryDue = prefersPrimary && !failed.includes(state.primary);
    return replica === undefined || isPrimaryDue
      ? { node: state.primary, reason: 'no-context' }
      : { node: replica, reason: 'session-free' };
  };
  const tools: AttemptTools = {
    errors: POSTGRES_ERRORS,
    refused: given.refused ?? (() => WRITE),
    finder: {
      find: (_, __, { failed = [] }) => find(failed),
      toPrimary: (reason) => ({ node: state.primary, reason }),
      get primary() {
        return state.primary;
      },
      mayFallBack: given.mayFallBack ?? true,
      hasOtherReplica: (names) => replicas.some((name) => !names.includes(name)),
    },
    reports: {
      failedAttempt: () => {
        reported++;
        return FAILURE;
      },
      tell: () => undefined,
      unplaced: () => undefined,
    },
    budget: given.budget ?? new RetryBudget({ ratio: 0, minPerSecond: 100 }),
    gate: {
      get isClosed() {
        return given.isClosed?.() ?? false;
      },
      opens: async () => {
        if (given.opens === undefined) throw away();
        await given.opens(state);
      },
      refused: () => undefined,
    },
    standIn: () => given.standIn,
    limitMs: () => given.limitMs ?? Infinity,
    isCleared: (node) => Promise.resolve(given.cleared?.includes(node) ?? true),
    hasReplicas: () => given.hasReplicas ?? true,
    nowMs: () => state.nowMs,
    enter: given.enter ?? ((): (() => void) => () => undefined),
  };
  const statement = given.statement ?? READ;
  const outcome = await new ScriptedAttempts(
    tools,
    { statement, scope: undefined, trace: undefined, conditions: { text: '', primaryRunner: false } },
    async ({ node, reason }, { kind }) => {
      const isOdd = reason === 'replica-failed' || reason === 'refused-by-replica';
      tried.push(`${node}${isOdd ? ` (${reason})` : ''}${kind === statement.kind ? '' : ` as ${kind}`}`);
      state.nowMs += given.tookMs ?? 1;
      given.onAttempt?.(state);
      const error = script[node]?.shift();
      if (error !== undefined) throw error;
      return `answer of ${node}`;
    },
  )
    .start()
    .catch((error: unknown) => error);
  return { tried, outcome, reported };
}

const away = (): PrimaryUnavailableError =>
  new PrimaryUnavailableError({ node: 'primary', address: 'x', since: new Date(0), waitedMs: 0 }, lost());

describe('Attempts', () => {
  it.each([
    ['a lost connection', lost()],
    ['no connection', refused('r1')],
    ['a conflict with recovery', sqlError('40001')],
    ['a shutdown', sqlError('57P01')],
    ['no resources', sqlError('53200')],
    ['a full pool', new PoolExhaustedError('r1', { inUse: 10, waiting: 1 })],
  ])('runs a read elsewhere after %s', async (_, error) => {
    expect(await run({ script: { r1: [error] } })).toMatchObject({
      tried: ['r1', 'r2'],
      outcome: 'answer of r2',
    });
  });

  it('runs a read as a write on the primary if a replica refused it as a write', async () => {
    const { tried, reported } = await run({ script: { r1: [sqlError('25006')] } });
    expect([tried, reported]).toEqual([['r1', 'primary (refused-by-replica) as write'], 1]);
  });

  it('does not run a refused read as a write if writes are prevented', async () => {
    const prevented = new WritePreventedError('write', 'a replica refused it');
    const { tried, outcome } = await run({
      script: { r1: [sqlError('25006')] },
      refused: () => {
        throw prevented;
      },
    });
    expect([tried, outcome]).toEqual([['r1'], prevented]);
  });

  it.each(['42P01', '0A000', '55000'])(
    'runs a read on the primary after a replica refused it with %s',
    async (code) => {
      const { tried, outcome } = await run({ script: { r1: [sqlError(code)] } });
      expect([tried, outcome]).toEqual([['r1', 'primary (refused-by-replica)'], 'answer of primary']);
      const refusedTwice = await run({ script: { r1: [sqlError(code)], primary: [sqlError(code)] } });
      expect(refusedTwice.outcome).toEqual(sqlError(code));
    },
  );

  it('keeps a read off the primary that may have crashed one replica and is refused by another', async () => {
    const { tried, outcome } = await run({
      script: { r1: [lost()], r2: [sqlError('42P01')] },
      cleared: [],
    });
    expect([tried, outcome]).toEqual([['r1', 'r2'], sqlError('42P01')]);
  });

  it('runs a read on another replica if one is busy, which costs no budget and is no failure', async () => {
    const budget = new RetryBudget({ ratio: 0, minPerSecond: 0 });
    expect(await run({ script: { r1: [new PoolBusyError()] }, budget })).toEqual({
      tried: ['r1', 'r2'],
      outcome: 'answer of r2',
      reported: 0,
    });
  });

  it('runs a read on the busy replica after all if only the primary is left', async () => {
    const { tried, outcome } = await run({ replicas: ['r1'], script: { r1: [new PoolBusyError()] } });
    expect([tried, outcome]).toEqual([['r1', 'r1'], 'answer of r1']);
  });

  it('runs a read elsewhere if it fails on the replica to which it left a busy one', async () => {
    const script = { r1: [new PoolBusyError()], r2: [lost()] };
    expect((await run({ script })).tried).toEqual(['r1', 'r2', 'r1']);
  });

  it('runs a read on the primary after two replicas, even if there are more', async () => {
    expect(await run({ script: { r1: [lost()], r2: [lost()] } })).toMatchObject({
      tried: ['r1', 'r2', 'primary (replica-failed)'],
      outcome: 'answer of primary',
    });
  });

  it('runs a read on a third replica if it may not fall back on the primary', async () => {
    const { tried } = await run({ script: { r1: [lost()], r2: [lost()] }, mayFallBack: false });
    expect(tried).toEqual(['r1', 'r2', 'r3']);
  });

  it('runs a read on a third replica while the primary is away', async () => {
    const { tried } = await run({ script: { r1: [lost()], r2: [lost()] }, isClosed: () => true });
    expect(tried).toEqual(['r1', 'r2', 'r3']);
  });

  it('does not try nodes for ever', async () => {
    const replicas = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const script = Object.fromEntries(replicas.map((name) => [name, [lost(), lost()]]));
    const { tried, outcome } = await run({ replicas, script, isClosed: () => true });
    expect(tried).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(outcome).toEqual(lost());
  });

  it.each([
    ['a time limit of the server', sqlError('57014')],
    ['a mistake', sqlError('42601')],
  ])('does not retry a read that failed by %s', async (_, error) => {
    expect(await run({ script: { r1: [error] } })).toMatchObject({ tried: ['r1'], outcome: error });
  });

  it.each([
    ['a read', READ],
    ['BEGIN', BEGIN],
  ])('runs %s elsewhere after the primary lost it, if the rule finds another node', async (_, statement) => {
    const script = { primary: [lost()] };
    expect(await run({ statement, script, prefersPrimary: true })).toMatchObject({
      tried: ['primary', 'r1'],
      outcome: 'answer of r1',
    });
  });

  it('runs a read on the primary again if the rule finds no other node, but not for ever', async () => {
    const losses = (count: number): Scene => ({
      script: { primary: Array.from({ length: count }, lost) },
      replicas: [],
    });
    expect(await run(losses(2))).toMatchObject({
      tried: ['primary', 'primary', 'primary'],
      outcome: 'answer of primary',
    });
    expect(await run(losses(3))).toMatchObject({ tried: ['primary', 'primary', 'primary'], outcome: lost() });
  });

  it('does not retry a read that failed on the primary for another reason', async () => {
    const full = new PoolExhaustedError('primary', { inUse: 10, waiting: 1 });
    for (const error of [sqlError('40001'), sqlError('53200'), full]) {
      const { tried, outcome } = await run({ script: { primary: [error] }, prefersPrimary: true });
      expect([tried, outcome]).toEqual([['primary'], error]);
    }
  });

  it('never sends a write twice', async () => {
    const error = new CommitOutcomeUnknownError('primary', 'statement', lost());
    for (const one of [error, lost(), sqlError('40001')]) {
      const { tried, outcome } = await run({
        statement: WRITE,
        script: { primary: [one] },
        replicas: [],
        opens: () => Promise.resolve(),
      });
      expect([tried, outcome]).toEqual([['primary'], one]);
    }
  });

  it('fails a write at once if it gets no connection, and says so', async () => {
    const scene = { statement: WRITE, script: { primary: [refused()] }, replicas: [] };
    expect(await run(scene)).toMatchObject({
      tried: ['primary'],
      outcome: { code: 'REPLICA_PRIMARY_UNAVAILABLE' },
      reported: 2,
    });
  });

  it('does not even try a primary known to be away', async () => {
    const scene = { statement: WRITE, replicas: [], isClosed: () => true };
    expect(await run(scene)).toMatchObject({ tried: [], outcome: { code: 'REPLICA_PRIMARY_UNAVAILABLE' } });
  });

  it('sends a write that has waited to whichever node is the primary by then', async () => {
    const scene: Scene = {
      statement: WRITE,
      script: { primary: [refused()] },
      replicas: [],
      opens: (state) => Promise.resolve(void (state.primary = 'r2')),
    };
    expect(await run(scene)).toMatchObject({ tried: ['primary', 'r2'], outcome: 'answer of r2' });
  });

  it('sends a write that got no connection straight to the new primary if it has changed meanwhile', async () => {
    const scene: Scene = {
      statement: WRITE,
      script: { primary: [refused()] },
      replicas: [],
      onAttempt: (state) => void (state.primary = 'r1'),
    };
    expect(await run(scene)).toMatchObject({ tried: ['primary', 'r1'], outcome: 'answer of r1' });
  });

  it('keeps trying for as long as it may wait', async () => {
    let rounds = 0;
    const scene: Scene = {
      statement: WRITE,
      script: { primary: Array.from({ length: 9 }, () => refused()) },
      replicas: [],
      opens: () => (rounds++ < 7 ? Promise.resolve() : Promise.reject(away())),
    };
    const { tried, outcome } = await run(scene);
    expect(tried).toHaveLength(8);
    expect(outcome).toMatchObject({ code: 'REPLICA_PRIMARY_UNAVAILABLE' });
  });

  it('lets a replica answer a read if the primary gave no connection', async () => {
    expect(await run({ script: { primary: [refused()] }, prefersPrimary: true })).toMatchObject({
      tried: ['primary', 'r1'],
      outcome: 'answer of r1',
    });
  });

  it('throws the first error, unaltered, when the budget is spent', async () => {
    const first = sqlError('40001');
    const budget = new RetryBudget({ ratio: 0, minPerSecond: 0.1 });
    const { tried, outcome } = await run({ script: { r1: [first], r2: [lost()] }, budget });
    expect(tried).toEqual(['r1', 'r2']);
    expect(outcome).toBe(first);
    expect((await run({ script: { r1: [first] }, budget })).tried).toEqual(['r1']);
  });

  it('pays for retries from the share that other reads have earned', async () => {
    const budget = new RetryBudget({ ratio: 0.5, minPerSecond: 0 });
    await run({ budget });
    expect((await run({ budget, script: { r1: [lost()] } })).tried).toEqual(['r1', 'r2']);
    expect((await run({ budget, script: { r1: [lost()] } })).tried).toEqual(['r1']);
  });

  it("begins no further attempt when the statement's time is up", async () => {
    const scene = { script: { r1: [lost()], r2: [lost()] }, limitMs: 100, tookMs: 60 };
    const { tried, outcome } = await run(scene);
    expect(tried).toEqual(['r1', 'r2']);
    expect(outcome).toEqual(lost());
  });

  it('retries nothing if there are no replicas', async () => {
    for (const error of [lost(), refused()]) {
      const scene = { script: { primary: [error] }, replicas: [], hasReplicas: false, isClosed: () => true };
      expect(await run(scene)).toMatchObject({ tried: ['primary'], outcome: error });
    }
  });

  it('asks the stand-in replica while the application starts, and the primary if the replica fails', async () => {
    const scene = { statement: WRITE, standIn: 'r2', prefersPrimary: true };
    expect((await run(scene)).tried).toEqual(['r2']);
    expect((await run({ ...scene, script: { r2: [refused('r2')] } })).tried).toEqual(['r2', 'primary']);
  });

  describe('with a read that may have crashed its server', () => {
    const reset = (): Error => sqlError('ECONNRESET');

    it.each([
      ['runs it on one more node', { script: { r1: [lost()] } }, ['r1', 'r2'], 'answer of r2'],
      ['does not run it on a third', { script: { r1: [lost()], r2: [reset()] } }, ['r1', 'r2'], ['r1', 'r2']],
      ['does not run it on the primary', { script: { r1: [lost()] }, replicas: ['r1'] }, ['r1'], ['r1']],
      [
        'does not run it on the primary after a replica gave no connection, but on that replica once it does',
        { script: { r1: [lost()], r2: [refused('r2')] } },
        ['r1', 'r2', 'r2'],
        'answer of r2',
      ],
      [
        'does not run it on the same node again',
        { script: { primary: [lost()] }, replicas: [] },
        ['primary'],
        ['primary'],
      ],
      [
        'runs it on one node besides the primary',
        { script: { primary: [lost()], r1: [lost()] }, prefersPrimary: true },
        ['primary', 'r1'],
        ['primary', 'r1'],
      ],
    ])('%s', async (_, scene, tried, outcome) => {
      const result = await run({ ...(scene as Scene), cleared: [] });
      const nodes = (result.outcome as Partial<NodeCrashedError>).nodes ?? result.outcome;
      expect([result.tried, nodes]).toEqual([tried, outcome]);
    });

    it('asks about each node, and goes on if all of them are well', async () => {
      const script = (): Script => ({ r1: [lost()], r2: [lost()] });
      expect((await run({ script: script(), cleared: ['r2'] })).tried).toEqual(['r1', 'r2']);
      expect((await run({ script: script(), cleared: ['r1', 'r2'] })).tried).toEqual([
        'r1',
        'r2',
        'primary (replica-failed)',
      ]);
    });

    it.each([
      ['the server reported the crash of another process', sqlError('57P02')],
      ['this process cut the connection', sqlError('ECONNABORTED')],
      ['it was not sent', refused('r1')],
      ['the client timed out', new Error('Query read timeout')],
    ])('suspects no read if %s', async (_, error) => {
      const { tried } = await run({ script: { r1: [error] }, replicas: ['r1'], cleared: [] });
      expect(tried).toEqual(['r1', 'primary']);
    });

    it('begins a transaction elsewhere all the same, because BEGIN crashes no server', async () => {
      const scene = { statement: BEGIN, script: { primary: [lost()] }, replicas: [], cleared: [] };
      expect((await run(scene)).outcome).toBe('answer of primary');
    });
  });

  it('ends its turn before the next attempt, and when it is answered', async () => {
    const places: string[] = [];
    const enter: Scene['enter'] = ({ node }) => {
      places.push(`enter ${node}`);
      return () => void places.push(`leave ${node}`);
    };
    await run({ script: { r1: [lost()] }, enter });
    expect(places).toEqual(['enter r1', 'leave r1', 'enter r2', 'leave r2']);
  });
});
