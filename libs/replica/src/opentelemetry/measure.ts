import type { Attributes, BatchObservableResult, Meter, Observable } from '@opentelemetry/api';
import type { ReplicaRouter } from '../engine/replica-router.js';
import { ERROR_TYPE, KIND, NODE, OUTCOME, POOL_NAME, POOL_STATE, REASON, ROLE } from './attribute-names.js';
import type { DatabaseFacts } from './database-facts.js';

/** The boundaries that the conventions advise, in seconds. */
const BOUNDARIES_S = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];

/** The metrics of a router. */
export interface Measured {
  /** A statement took this long. */
  took(seconds: number, attributes: Attributes): void;
  /** A caller waited this long for a connection to the node. */
  waited(seconds: number, node: string): void;
  /** Stops to tell. */
  end(): void;
}

/** Tells metrics of a router: durations as they come, and everything else from its facts whenever somebody collects them. */
export function measure(router: ReplicaRouter, meter: Meter, facts: DatabaseFacts): Measured {
  const durations = meter.createHistogram('db.client.operation.duration', {
    unit: 's',
    description: 'Duration of statements, from the call to the answer.',
    advice: { explicitBucketBoundaries: BOUNDARIES_S },
  });
  const waits = meter.createHistogram('db.client.connection.wait_time', {
    unit: 's',
    description: 'How long callers who found no idle connection waited for one.',
    advice: { explicitBucketBoundaries: BOUNDARIES_S },
  });
  const instruments = createInstruments(meter);
  const observables = Object.values(instruments) as Observable[];
  const observe = (result: BatchObservableResult): void =>
    observeRouter(router, { result, instruments, facts });
  meter.addBatchObservableCallback(observe, observables);
  const stops = [
    router.on('topology:changed', facts.forgetNodes),
    router.on('primary:changed', facts.forgetNodes),
  ];
  return {
    took: (seconds, attributes) => durations.record(seconds, { ...facts.common, ...attributes }),
    waited: (seconds, node) => waits.record(seconds, { ...facts.common, [POOL_NAME]: facts.poolOf(node) }),
    end: () => {
      meter.removeBatchObservableCallback(observe, observables);
      for (const stop of stops) stop();
    },
  };
}

type Instruments = ReturnType<typeof createInstruments>;

function createInstruments(meter: Meter) {
  return {
    connections: meter.createObservableUpDownCounter('db.client.connection.count', {
      unit: '{connection}',
      description: 'Connections in the pool of a node, by state.',
    }),
    most: meter.createObservableUpDownCounter('db.client.connection.max', {
      unit: '{connection}',
      description: 'The most connections that the pool of a node may open.',
    }),
    pending: meter.createObservableUpDownCounter('db.client.connection.pending_requests', {
      unit: '{request}',
      description: 'Callers who wait for a connection to a node.',
    }),
    timeouts: meter.createObservableCounter('db.client.connection.timeouts', {
      unit: '{timeout}',
      description: 'How often a caller got no connection to a node in time.',
    }),
    lag: meter.createObservableGauge('replica.node.lag', {
      unit: 's',
      description: 'How far a replica is behind the primary.',
    }),
    statements: meter.createObservableCounter('replica.statements', {
      unit: '{statement}',
      description: 'Statements by the node that answered and the reason for choosing it.',
    }),
    retries: meter.createObservableCounter('replica.retries', {
      unit: '{attempt}',
      description: 'Attempts that failed and were followed by another one.',
    }),
  };
}

interface Observation {
  readonly result: BatchObservableResult;
  readonly instruments: Instruments;
  readonly facts: DatabaseFacts;
}

function observeRouter(router: ReplicaRouter, { result, instruments, facts }: Observation): void {
  const { routes, pools, retries } = router.stats();
  const { connections, most, pending, timeouts, statements } = instruments;
  for (const { node, used, idle, max, waiting, timeouts: timedOut } of pools) {
    const pool = { ...facts.common, [POOL_NAME]: facts.poolOf(node) };
    result.observe(connections, used, { ...pool, [POOL_STATE]: 'used' });
    result.observe(connections, idle, { ...pool, [POOL_STATE]: 'idle' });
    result.observe(most, max, pool);
    result.observe(pending, waiting, pool);
    result.observe(timeouts, timedOut, pool);
  }
  for (const { node, role, kind, reason, count, failed } of routes) {
    const route = { [NODE]: node ?? 'none', [ROLE]: role ?? 'none', [KIND]: kind, [REASON]: reason };
    if (count > failed) result.observe(statements, count - failed, { ...route, [OUTCOME]: 'ok' });
    if (failed > 0) result.observe(statements, failed, { ...route, [OUTCOME]: 'failed' });
  }
  for (const { node, code, count } of retries)
    result.observe(instruments.retries, count, { [NODE]: node, [ERROR_TYPE]: code });
  // Without connections to the nodes, nothing is known of them.
  if (pools.length === 0) return;
  for (const { name, lagMs } of router.topology().replicas)
    if (lagMs !== null) result.observe(instruments.lag, lagMs / 1000, { [NODE]: name });
}
