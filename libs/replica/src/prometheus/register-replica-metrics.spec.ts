import { afterEach, describe, expect, it } from '@jest/globals';
import { Counter, Registry } from 'prom-client';
import {
  nodeStatus,
  type ScriptedRouter,
  scriptedRouter,
  topologyOf,
} from '../../../../test/support/observability/measured-router.js';
import { InvalidReplicaOptionsError } from '../errors/invalid-options.error.js';
import type { PoolStats, RouteStats, RouterStats } from '../observability/router-stats.js';
import { STATEMENT_KINDS } from '../routing/route-query.js';
import { PRIMARY_REASONS, REPLICA_REASONS } from '../routing/route.js';
import type { StatementEvent } from '../routing/statement-event.js';
import { type ReplicaMetricsOptions, registerReplicaMetrics } from './register-replica-metrics.js';

const READ: StatementEvent = {
  kind: 'read',
  tables: ['secret_table'],
  node: 'replica-1',
  reason: 'session-free',
  durationMs: 3,
  attempt: 1,
  isFinal: true,
  request: null,
};

const NODES = ['primary', 'replica-1', 'replica-2'] as const;

function poolOf(node: string, changes: Partial<PoolStats> = {}): PoolStats {
  const role = node === 'primary' ? 'primary' : 'replica';
  const counts = { used: 3, idle: 1, waiting: 2, max: 10, lanes: 1, inFlight: 5 };
  return { node, role, ...counts, latencyMs: 1, waits: 4, waitedMs: 500, timeouts: 1, ...changes };
}

/** Everything that can happen, on three nodes that have all been both primary and replica. */
function everything(): Partial<RouterStats> {
  const outcome = { count: 10, failed: 1, totalMs: 50 };
  const onPrimary = (node: string): RouteStats[] => [
    ...PRIMARY_REASONS.map((reason) => ({
      node,
      role: 'primary' as const,
      kind: 'read' as const,
      reason,
      ...outcome,
    })),
    ...STATEMENT_KINDS.filter((kind) => kind !== 'read').map((kind) => ({
      node,
      role: 'primary' as const,
      kind,
      reason: kind === 'unknown' ? ('unknown-statement' as const) : kind,
      ...outcome,
    })),
  ];
  const onReplica = (node: string): RouteStats[] =>
    REPLICA_REASONS.map((reason) => ({
      node,
      role: 'replica' as const,
      kind: 'read' as const,
      reason,
      ...outcome,
    }));
  return {
    routes: [
      ...onPrimary('primary'),
      ...onPrimary('replica-1'),
      ...onReplica('replica-1'),
      ...onReplica('replica-2'),
    ],
    pools: NODES.map((node) => poolOf(node)),
    retries: NODES.flatMap((node) => ['ECONNRESET', '57P01'].map((code) => ({ node, code, count: 1 }))),
  };
}

describe('registerReplicaMetrics()', () => {
  let registry = new Registry();
  const stops: (() => void)[] = [];

  const register = (router: ScriptedRouter, options: ReplicaMetricsOptions = {}): (() => void) => {
    const stop = registerReplicaMetrics(router, { registry, ...options });
    stops.push(stop);
    return stop;
  };

  afterEach(() => {
    for (const stop of stops.splice(0)) stop();
    expect(registry.getMetricsAsArray()).toEqual([]);
    registry = new Registry();
  });

  const scrape = async (): Promise<string[]> =>
    (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));

  const valueOf = async (series: string): Promise<number | undefined> => {
    const line = (await scrape()).find((one) => one.startsWith(`nestjs_replica_${series} `));
    return line === undefined ? undefined : Number(line.split(' ').at(-1));
  };

  it('reads counters and gauges from the facts of the router', async () => {
    register(scriptedRouter(everything()));
    expect(
      await valueOf(
        'statements_total{data_source="default",node="replica-1",role="replica",kind="read",reason="session-free",outcome="ok"}',
      ),
    ).toBe(9);
    expect(await valueOf('retries_total{data_source="default",node="primary",code="57P01"}')).toBe(1);
    expect(await valueOf('node_up{data_source="default",node="primary",role="primary"}')).toBe(1);
    expect(await valueOf('node_lag_seconds{data_source="default",node="replica-2"}')).toBe(0.04);
    expect(await valueOf('pool_connections{data_source="default",node="primary",state="idle"}')).toBe(1);
    expect(await valueOf('pool_wait_seconds_total{data_source="default",node="primary"}')).toBe(0.5);
  });

  it('stays under 500 series with three nodes, whatever happens', async () => {
    const router = scriptedRouter(everything());
    register(router);
    for (const node of NODES)
      for (const kind of STATEMENT_KINDS) router.emit('statement', { ...READ, node, kind });
    const series = await scrape();
    expect(series.length).toBeLessThan(500);
    expect(new Set(series.map((line) => line.slice(0, line.lastIndexOf(' ')))).size).toBe(series.length);
  });

  it('has no label for what has no bounds, except in _info', async () => {
    const router = scriptedRouter({ ...everything(), patterns: [pattern('SELECT secret_table')] });
    register(router);
    router.emit('statement', READ);
    const others = (await scrape()).filter((line) => !line.startsWith('nestjs_replica_node_info'));
    expect(others.filter((line) => /secret|internal|5432|digest/.test(line))).toEqual([]);
    const allowed = /^(data_source|node|role|kind|reason|outcome|code|state|op|le)$/;
    const labels = others.flatMap((line) => Array.from(line.matchAll(/(\w+)="/g), ([, label]) => label));
    expect(labels.filter((label) => !allowed.test(label as string))).toEqual([]);
  });

  it('has a histogram of the final durations', async () => {
    const router = scriptedRouter();
    register(router);
    router.emit('statement', READ);
    router.emit('statement', { ...READ, durationMs: 70 });
    router.emit('statement', { ...READ, isFinal: false });
    router.emit('statement', { ...READ, node: null });
    const labels = 'data_source="default",node="replica-1",role="replica",kind="read"';
    const name = 'statement_duration_seconds';
    expect(await valueOf(`${name}_bucket{${labels},le="0.001"}`)).toBe(0);
    expect(await valueOf(`${name}_bucket{${labels},le="0.005"}`)).toBe(1);
    expect(await valueOf(`${name}_bucket{${labels},le="0.1"}`)).toBe(2);
    expect(await valueOf(`${name}_bucket{${labels},le="+Inf"}`)).toBe(2);
    expect(await valueOf(`${name}_count{${labels}}`)).toBe(2);
    expect(await valueOf(`${name}_sum{${labels}}`)).toBeCloseTo(0.073);
  });

  it('knows the roles after a promotion, and counts it', async () => {
    const router = scriptedRouter();
    register(router);
    router.emit('primary:changed', {
      primary: nodeStatus({ name: 'replica-1', role: 'primary' }),
      before: nodeStatus({ name: 'primary' }),
      because: 'promotion',
    });
    router.emit('statement', READ);
    expect(await valueOf('primary_changes_total{data_source="default"}')).toBe(1);
    const count =
      'statement_duration_seconds_count{data_source="default",node="replica-1",role="primary",kind="read"}';
    expect(await valueOf(count)).toBe(1);
  });

  it('forgets nodes that have left', async () => {
    const { replicas: _, ...rest } = topologyOf();
    const router = scriptedRouter(everything(), { ...rest, replicas: [] });
    register(router);
    router.emit('statement', READ);
    router.emit('topology:changed', {
      topology: { ...rest, replicas: [] },
      because: 'configuration',
      added: [],
      removed: ['replica-1', 'replica-2'],
    });
    const named = (await scrape()).filter((line) => line.includes('replica-1') && !line.includes('_pool_'));
    expect(named.filter((line) => !/_(pool_\w+|lanes|in_flight)\{/.test(line))).toEqual([]);
  });

  it('tells what it can of a data source that is not initialized', async () => {
    const router = {
      ...scriptedRouter(),
      topology: () => {
        throw new Error('not initialized');
      },
    };
    register(router);
    const series = await scrape();
    expect(series).toContain('nestjs_replica_refused_total{data_source="default"} 0');
    expect(series.some((line) => line.includes('node_up'))).toBe(false);
  });

  it('keeps several data sources apart', async () => {
    register(scriptedRouter({ refused: 1 }));
    register(scriptedRouter({ refused: 2 }), { dataSource: 'analytics' });
    expect(await valueOf('refused_total{data_source="default"}')).toBe(1);
    expect(await valueOf('refused_total{data_source="analytics"}')).toBe(2);
  });

  it('adds up two applications that use the same names', async () => {
    const slow = topologyOf({ primary: { health: 'down' }, 'replica-1': { lagMs: 3_000 } });
    const routers = [scriptedRouter({ refused: 1 }), scriptedRouter({ refused: 2 }, slow)];
    const [, stopSecond] = routers.map((router) => register(router));
    for (const router of routers) router.emit('statement', READ);
    expect(await valueOf('refused_total{data_source="default"}')).toBe(3);
    expect(await valueOf('node_lag_seconds{data_source="default",node="replica-1"}')).toBe(3);
    expect(await valueOf('node_up{data_source="default",node="primary",role="primary"}')).toBe(0);
    const count =
      'statement_duration_seconds_count{data_source="default",node="replica-1",role="replica",kind="read"}';
    expect(await valueOf(count)).toBe(2);
    stopSecond?.();
    expect(await valueOf('refused_total{data_source="default"}')).toBe(1);
    expect(routers.map((router) => router.listenerCount() > 0)).toEqual([true, false]);
  });

  it('may be ended and begun again, also after the registry was cleared', async () => {
    const router = scriptedRouter({ refused: 7 });
    register(router)();
    expect(registry.getMetricsAsArray()).toEqual([]);
    expect(router.listenerCount()).toBe(0);
    register(router);
    registry.clear();
    register(scriptedRouter(), { dataSource: 'other' });
    expect(await valueOf('refused_total{data_source="default"}')).toBe(7);
  });

  it('is as it was after a reset of the registry', async () => {
    const router = scriptedRouter({ refused: 7 });
    register(router);
    router.emit('statement', READ);
    registry.resetMetrics();
    expect(await valueOf('refused_total{data_source="default"}')).toBe(7);
    expect((await scrape()).some((line) => line.includes('duration_seconds_count'))).toBe(true);
  });

  it('explains each metric in a sentence', async () => {
    register(scriptedRouter());
    const helps = (await registry.metrics()).split('\n').filter((line) => line.startsWith('# HELP'));
    expect(helps.length).toBeGreaterThan(20);
    for (const help of helps) expect(help).toMatch(/^# HELP nestjs_replica_\w+ [A-Z1].*\.$/);
  });

  it('takes another prefix', async () => {
    register(scriptedRouter(), { prefix: 'db_' });
    expect(await scrape()).toContain('db_refused_total{data_source="default"} 0');
  });

  it('refuses wrong options, and a name that is taken', () => {
    const router = scriptedRouter();
    expect(() => registerReplicaMetrics(router, { prefix: '9 lives' })).toThrow(/prefix must begin/);
    expect(() => registerReplicaMetrics(router, { registry: {} as never })).toThrow(
      /registry must be a Registry/,
    );
    const other = new Registry();
    const taken = new Counter({ name: 'nestjs_replica_refused_total', help: 'x', registers: [other] });
    expect(() => registerReplicaMetrics(router, { registry: other })).toThrow(InvalidReplicaOptionsError);
    expect(other.getMetricsAsArray()).toEqual([taken]);
    expect(router.listenerCount()).toBe(0);
  });
});

function pattern(text: string): RouterStats['patterns'][number] {
  return {
    digest: 'd'.repeat(32),
    text,
    tables: null,
    kind: 'read',
    count: 1,
    onReplicas: 1,
    failed: 0,
    reasons: {},
    p50Ms: 1,
    p95Ms: 1,
  };
}
