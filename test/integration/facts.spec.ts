/** What a router tells of what it does: counts, events, patterns of statements, and traces. */
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AsyncLocalStorage } from 'node:async_hooks';
import { tracingChannel } from 'node:diagnostics_channel';
import type {
  ExplainOptions,
  Explanation,
  PatternStats,
  PoolStats,
  ReplicaDataSource,
  TracedStatement,
} from 'nestjs-replica';
import { startSource } from '../support/app/start-source.js';
import { until } from '../support/until.js';
import { forDatabase } from '../support/cluster/test-database.js';
import { pauseReplay, resumeReplay, useLedgerCluster } from '../support/cluster/use-cluster.js';

const SLEEP = forDatabase({ postgres: 'SELECT pg_sleep(0.3)', mariadb: 'SELECT SLEEP(0.3)' });
const NO_TABLE = forDatabase({ postgres: '42P01', mariadb: 'ER_NO_SUCH_TABLE' });
const POOL_SIZE = 2;

const cluster = useLedgerCluster();
let source: ReplicaDataSource;

beforeAll(async () => {
  source = await startSource(cluster, { name: 'shop', pool: { size: POOL_SIZE } });
});

const read = <T = unknown>(text: string, parameters?: unknown[]): Promise<T> =>
  source.router.runOnReplica({}, () => source.query<T>(text, parameters));

const byHole = forDatabase({ postgres: '$1', mariadb: '?' });

describe('the patterns of statements', () => {
  const patternOf = (text: string): PatternStats | undefined =>
    source.router.stats().patterns.find((pattern) => pattern.text === text);

  it('tell how many statements differ only in values, where they ran and why', async () => {
    for (const name of ['owner-1', "it''s secret", 'owner-3'])
      await read(`SELECT balance FROM account WHERE owner = '${name}' AND id IN (1, 2) /* secret */`);
    await read(`SELECT balance FROM account WHERE owner = ${byHole} AND id IN (3)`, ['secret']);
    await source.query(`SELECT balance FROM account WHERE owner = 'secret' AND id IN (4,5,6)`);
    expect(patternOf('SELECT balance FROM account WHERE owner = ? AND id IN (?)')).toEqual({
      digest: expect.stringMatching(/^[\w-]{32}$/),
      text: expect.any(String),
      tables: ['account'],
      kind: 'read',
      count: 5,
      onReplicas: 4,
      failed: 0,
      reasons: { 'session-free': 4, 'no-context': 1 },
      p50Ms: expect.any(Number),
      p95Ms: expect.any(Number),
    });
    expect(JSON.stringify([source.router.stats(), source.router.recentEvents()])).not.toContain('secret');
  });

  it('tell failures and durations', async () => {
    await expect(read(`SELECT 'secret' FROM nowhere`)).rejects.toMatchObject({ code: NO_TABLE });
    expect(patternOf('SELECT ? FROM nowhere')).toMatchObject({
      count: 1,
      failed: 1,
      kind: 'unknown',
      tables: null,
    });
    for (let time = 0; time < 3; time++) await read(SLEEP);
    const { p50Ms = 0, p95Ms = 0 } = patternOf(SLEEP.replace('0.3', '?')) ?? {};
    expect(p50Ms).toBeGreaterThan(250);
    expect(p95Ms).toBeGreaterThanOrEqual(p50Ms);
  });

  it('count writes, and statements in transactions', async () => {
    await source.transaction(async (manager) => {
      await manager.query('UPDATE account SET balance = 7 WHERE id = 1');
      await manager.query('UPDATE account SET balance = 8 WHERE id = 2');
    });
    expect(patternOf('UPDATE account SET balance = ? WHERE id = ?')).toMatchObject({
      kind: 'write',
      count: 2,
      onReplicas: 0,
      reasons: { write: 2 },
    });
    expect(patternOf('COMMIT')).toMatchObject({ kind: 'transaction-control' });
  });

  it('are not counted if the options say so', async () => {
    const other = await startSource(cluster, { patterns: false });
    await other.query('SELECT 1');
    expect(other.router.stats().patterns).toEqual([]);
    expect(other.router.stats().routes).not.toEqual([]);
    await other.destroy();
  });
});

describe('the counts of pools', () => {
  const pools = (): readonly PoolStats[] => source.router.stats().pools;
  const sum = (field: 'used' | 'idle' | 'waiting' | 'inFlight' | 'waits' | 'waitedMs' | 'lanes'): number =>
    pools().reduce((total, pool) => total + pool[field], 0);

  it('tell what runs, who waits, and for how long they waited', async () => {
    await until(() => sum('inFlight') === 0);
    expect(pools().map(({ role, max }) => [role, max])).toEqual([
      ['primary', POOL_SIZE],
      ['replica', POOL_SIZE],
      ['replica', POOL_SIZE],
    ]);
    const before = { waits: sum('waits'), waitedMs: sum('waitedMs') };
    const count = 3 * 2 * POOL_SIZE;
    const answers = Promise.all(Array.from({ length: count }, () => read(SLEEP)));
    await until(() => sum('waiting') > 0 && sum('used') >= 2 * POOL_SIZE);
    expect(sum('inFlight')).toBe(count);
    expect(sum('idle')).toBeLessThanOrEqual(POOL_SIZE);
    await answers;
    await until(() => sum('inFlight') === 0);
    expect(sum('waiting')).toBe(0);
    expect(sum('waits') - before.waits).toBeGreaterThanOrEqual(count - 2 * POOL_SIZE);
    expect(sum('waitedMs') - before.waitedMs).toBeGreaterThan(300);
    expect(pools().some(({ latencyMs }) => (latencyMs ?? 0) > 100)).toBe(true);
  });

  it('tell lanes', async () => {
    await until(async () => {
      await read('SELECT id FROM account WHERE id = 1');
      return sum('lanes') > 0;
    });
    expect(sum('used')).toBeGreaterThanOrEqual(sum('lanes'));
  });
});

describe('the counts of pools after faults', () => {
  const pools = (): readonly PoolStats[] => source.router.stats().pools;
  const RESTING = { waiting: 0, inFlight: 0, own: 0, isWithinMax: true };
  const shapeOf = ({ waiting, inFlight, used, idle, lanes, max }: PoolStats): object => ({
    waiting,
    inFlight,
    own: used - lanes,
    isWithinMax: used + idle <= max,
  });

  /** One of each kind of work, some of which fails by itself. */
  const WORK: readonly (() => Promise<unknown>)[] = [
    () => read('SELECT id FROM account WHERE id = 1'),
    () => read(SLEEP),
    () => read('SELECT id FROM nowhere'),
    () => source.query('UPDATE account SET balance = 5 WHERE id = 1'),
    () => source.transaction((manager) => manager.query('SELECT id FROM account WHERE id = 1')),
    () =>
      source.transaction(async (manager) => {
        await manager.query('UPDATE account SET balance = 6 WHERE id = 2');
        throw new Error('changed my mind');
      }),
    async () => {
      const runner = source.createQueryRunner('slave');
      try {
        const stream = await runner.stream('SELECT id FROM account');
        // It may not have a connection yet, and then it fails when its runner is released.
        stream.on('error', () => undefined).destroy();
      } finally {
        await runner.release();
      }
    },
  ];

  it('are those of rest again, whatever ran when a replica was killed', async () => {
    const [replica] = cluster.replicas;
    const outcomes = Promise.allSettled(
      Array.from({ length: 10 * WORK.length }, (_, index) => WORK[index % WORK.length]!()),
    );
    await until(() => pools().some(({ waiting }) => waiting > 0));
    await replica?.kill();
    const { length } = (await outcomes).filter(({ status }) => status === 'rejected');
    // What fails by itself, and hardly anything else: reads go elsewhere.
    expect(length).toBeGreaterThanOrEqual(20);
    await until(() => pools().every((pool) => pool.waiting + pool.inFlight + pool.used - pool.lanes === 0));
    expect(pools().map(shapeOf)).toEqual([RESTING, RESTING, RESTING]);
    await replica?.start();
    await until(() => source.router.topology().replicas.every(({ health }) => health === 'up'));
    await Promise.allSettled(WORK.map((work) => work()));
    await until(() => pools().every((pool) => pool.waiting + pool.inFlight + pool.used - pool.lanes === 0));
    expect(pools().map(shapeOf)).toEqual([RESTING, RESTING, RESTING]);
  });
});

describe('the tracing channel of statements', () => {
  const channel = tracingChannel<TracedStatement, TracedStatement>('nestjs-replica:statement');
  const around = new AsyncLocalStorage<TracedStatement>();
  let told: [event: string, trace: TracedStatement, outcome: string | undefined][];
  const tell =
    (event: string) =>
    (trace: TracedStatement): void =>
      void told.push([event, trace, trace.attempts.at(-1)?.reason]);
  const subscribers = {
    start: tell('start'),
    end: tell('end'),
    asyncStart: tell('asyncStart'),
    asyncEnd: tell('asyncEnd'),
    error: tell('error'),
  };

  beforeEach(() => {
    told = [];
    channel.subscribe(subscribers);
  });
  afterEach(() => channel.unsubscribe(subscribers));

  it('follows a read from its call to its answer', async () => {
    await read(`SELECT balance FROM account WHERE owner = 'secret'`);
    expect(told.map(([event, , reason]) => [event, reason])).toEqual([
      ['start', undefined],
      ['end', undefined],
      ['asyncStart', 'session-free'],
      ['asyncEnd', 'session-free'],
    ]);
    const traces = new Set(told.map(([, trace]) => trace));
    expect(traces.size).toBe(1);
    const [trace] = traces;
    expect({ ...trace }).toEqual({
      dataSource: 'shop',
      kind: 'read',
      tables: ['account'],
      text: 'SELECT balance FROM account WHERE owner = ?',
      request: expect.any(Number),
      attempts: [
        expect.objectContaining({ kind: 'read', attempt: 1, isFinal: true, request: trace?.request }),
      ],
      usesLane: expect.any(Boolean),
    });
    expect(JSON.stringify(trace)).not.toContain('secret');
  });

  it('tells failures without their messages', async () => {
    await expect(read(`SELECT 'secret' FROM nowhere`)).rejects.toMatchObject({ code: NO_TABLE });
    expect(told.map(([event]) => event)).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd']);
    const [, trace] = told.at(-1)!;
    expect(trace.error).toEqual({ name: expect.any(String), code: NO_TABLE });
    expect(trace.attempts).toMatchObject([{ errorCode: NO_TABLE, isFinal: true }]);
  });

  it('follows each statement of a transaction, and streams', async () => {
    await source.transaction((manager) => manager.query('UPDATE account SET balance = 1 WHERE id = 1'));
    const stream = await source.createQueryRunner('slave').stream('SELECT id FROM account');
    await stream.toArray();
    await until(() => told.filter(([event]) => event === 'asyncEnd').length === 4);
    const ends = told
      .filter(([event]) => event === 'asyncEnd')
      .map(([, { text, attempts }]) => [text, attempts.length]);
    expect(ends.slice(1)).toEqual([
      ['UPDATE account SET balance = ? WHERE id = ?', 1],
      ['COMMIT', 1],
      ['SELECT id FROM account', 1],
    ]);
  });

  it('binds what subscribers bind to the statement, and not to the caller', async () => {
    const seen: unknown[] = [];
    const stop = source.router.on('statement', () => void seen.push(around.getStore()?.text));
    channel.start.bindStore(around);
    try {
      await read('SELECT id FROM account WHERE id = 1');
      expect(around.getStore()).toBeUndefined();
      expect(seen).toEqual(['SELECT id FROM account WHERE id = ?']);
    } finally {
      stop();
      channel.start.unbindStore(around);
    }
  });

  it('costs nothing once nobody subscribes', async () => {
    channel.unsubscribe(subscribers);
    expect(channel.hasSubscribers).toBe(false);
    await read('SELECT id FROM account WHERE id = 1');
    expect(told).toEqual([]);
    channel.subscribe(subscribers);
  });
});

describe('the explanation of a statement', () => {
  const ACCOUNT = 'SELECT balance FROM account WHERE id = 1';
  const explain = (text: string, options: ExplainOptions = {}): Promise<Explanation> =>
    source.router.explain(text, options);
  const whys = ({ candidates }: Explanation): unknown[] => candidates.map(({ why }) => why);

  it('tells what the text may do, where it goes and why', async () => {
    expect(await explain(ACCOUNT)).toEqual({
      kind: 'read',
      because: null,
      tables: ['account'],
      restsOn: [],
      rule: null,
      node: expect.stringMatching(/./),
      reason: 'session-free',
      waitsFor: [],
      candidates: [
        { node: 'primary', role: 'primary', eligible: true, why: null, ageMs: expect.any(Number) },
        { node: expect.any(String), role: 'replica', eligible: true, why: null, ageMs: expect.any(Number) },
        { node: expect.any(String), role: 'replica', eligible: true, why: null, ageMs: expect.any(Number) },
      ],
    });
    const write = await explain(`UPDATE account SET owner = 'secret'`);
    expect(write).toMatchObject({
      kind: 'write',
      because: expect.any(String),
      tables: null,
      node: 'primary',
    });
    expect(whys(write)).toEqual([null, 'write', 'write']);
    expect(JSON.stringify(write)).not.toContain('secret');
  });

  it.each<[reason: string, options: ExplainOptions]>([
    ['unsafe-method', { method: 'post' }],
    ['no-context', { method: null }],
    ['forced-primary', { target: 'primary' }],
    ['strong-consistency', { consistency: 'strong' }],
    ['eventual', { consistency: 'eventual' }],
    ['within-staleness', { maxStalenessMs: 60_000, method: 'POST', target: 'replica' }],
  ])('tells %s for a statement of %j', async (reason, options) => {
    expect(await explain(ACCOUNT, options)).toMatchObject({ reason });
  });

  it('tells it for replicas that a read asks for', async () => {
    const { name } = source.router.topology().replicas[1]!;
    const asked = await explain(ACCOUNT, { replica: name, method: 'POST' });
    expect(asked).toMatchObject({ node: name, reason: 'session-free' });
    expect(whys(asked)).toEqual([null, 'not-asked-for', null]);
  });

  it('tells it for a session, and for the request around the call', async () => {
    const { router } = source;
    const write = (): Promise<unknown> => source.query('UPDATE account SET balance = 3 WHERE id = 1');
    await pauseReplay(cluster);
    try {
      await router.runRequest({ sessionKey: 'writer', method: 'POST' }, write);
      const ahead = await explain(ACCOUNT, { session: 'writer' });
      expect(ahead).toMatchObject({ node: 'primary', reason: 'session-ahead' });
      expect(whys(ahead)).toEqual([null, 'behind', 'behind']);
      expect(await explain(ACCOUNT, { session: 'other' })).toMatchObject({ reason: 'session-free' });
      await router.runRequest({ sessionKey: 'writer' }, async () => {
        expect(await explain(ACCOUNT)).toMatchObject({ node: 'primary', reason: 'session-ahead' });
      });
    } finally {
      await resumeReplay(cluster);
    }
    await until(async () => (await explain(ACCOUNT, { session: 'writer' })).reason === 'session-replayed');
  });

  it('tells it for a token, and for a transaction that is open', async () => {
    const { router } = source;
    await pauseReplay(cluster);
    let token = '';
    try {
      await router.runRequest({ method: 'POST' }, async () => {
        await source.transaction(async (manager) => {
          expect(await explain(ACCOUNT)).toMatchObject({ node: 'primary', reason: 'transaction' });
          await manager.query('UPDATE account SET balance = 4 WHERE id = 1');
        });
        token = await router.currentToken();
      });
      const { foreignTokens } = router.counters();
      const ahead = await explain(ACCOUNT, { token });
      expect(ahead).toMatchObject({ node: 'primary', reason: 'session-ahead' });
      expect(whys(ahead)).toEqual([null, 'behind', 'behind']);
      await expect(explain(ACCOUNT, { token: `${token}x` })).rejects.toThrow(
        'token is none of this data source: it is damaged',
      );
      await expect(explain(ACCOUNT, { token, session: 'x' })).rejects.toThrow('give one of them');
      await expect(explain(ACCOUNT, { token, method: null })).rejects.toThrow('belongs to a request');
      expect(router.counters().foreignTokens).toBe(foreignTokens);
    } finally {
      await resumeReplay(cluster);
    }
    await until(async () => (await explain(ACCOUNT, { token })).reason === 'session-replayed');
  });

  it.each(['', '  ', 'SELEKT 1', "SELECT 'secret", 'SELECT 1; SELECT 2', 'x'.repeat(100_000)])(
    'keeps on the primary what it cannot read, and repeats none of it: %.30j',
    async (text) => {
      const told = await explain(text);
      expect(told).toMatchObject({
        kind: expect.not.stringMatching(/^read$/),
        node: 'primary',
        tables: null,
      });
      expect(whys(told)).toEqual([null, told.reason, told.reason]);
      expect(JSON.stringify(told)).not.toContain('secret');
    },
  );

  it('agrees with what happens, and changes nothing', async () => {
    const { router } = source;
    for (const sessionKey of ['one', 'two', 'three', 'four']) {
      const { node, reason } = await explain(ACCOUNT, { session: sessionKey });
      const seen: unknown[] = [];
      const stop = router.on('statement', (event) => void seen.push([event.node, event.reason]));
      await router.runRequest({ sessionKey }, () => source.query(ACCOUNT));
      stop();
      expect(seen).toEqual([[node, reason]]);
    }
    const before = router.stats();
    await explain(ACCOUNT, { session: 'nobody' });
    const { routes, patterns, sessions } = router.stats();
    expect({ routes, patterns, sessions }).toEqual({
      routes: before.routes,
      patterns: before.patterns,
      sessions: before.sessions,
    });
  });

  it('names all mistakes', async () => {
    await expect(explain(ACCOUNT, { method: null, session: 'x' })).rejects.toThrow(/explain\(\).*session/s);
    await expect(explain(ACCOUNT, { consistency: 'weak', when: 1 } as never)).rejects.toThrow(
      /consistency.*when|when.*consistency/s,
    );
    await expect(explain(undefined as never)).rejects.toThrow(/needs the SQL/);
  });
});
