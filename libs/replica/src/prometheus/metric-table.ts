import type { NodeStatus, TopologyStatus } from '../observability/node-status.js';
import type { PoolStats, RouterStats } from '../observability/router-stats.js';

/** What one scrape reads of one router. */
export interface ScrapedFacts {
  readonly stats: RouterStats;
  /** `undefined` while the data source is not initialized. */
  readonly topology: TopologyStatus | undefined;
  /** How often another server took over as the primary since the metrics were registered. */
  readonly primaryChanges: number;
}

/** One value of a metric with its labels, without the label `data_source`. */
export type Sample = readonly [value: number, labels?: Readonly<Record<string, string>>];

/** How values with the same labels become one: two applications in one process may use the same names. */
type Combination = 'sum' | 'most' | 'least';

/** A metric that is read from the facts with each scrape. */
export interface Metric {
  readonly type: 'counter' | 'gauge';
  /** What it counts or measures; the text behind `# HELP`. */
  readonly help: string;
  /** Its labels besides `data_source`. */
  readonly labels: readonly string[];
  /** Default `sum`. */
  readonly combination?: Combination;
  readonly read: (facts: ScrapedFacts) => readonly Sample[];
}

const ofNodes =
  (read: (node: NodeStatus) => Sample | undefined) =>
  ({ topology }: ScrapedFacts): readonly Sample[] =>
    nodesOf(topology).flatMap((node) => {
      const sample = read(node);
      return sample === undefined ? [] : [sample];
    });

const ofPools =
  (read: (pool: PoolStats) => number) =>
  ({ stats }: ScrapedFacts): readonly Sample[] =>
    stats.pools.map((pool) => [read(pool), { node: pool.node }]);

/** All metrics that are read with a scrape, by their name without the prefix. */
export const METRICS: Readonly<Record<string, Metric>> = {
  statements_total: {
    type: 'counter',
    help: 'Statements by the node that answered and the reason for choosing it. Retried attempts are not counted.',
    labels: ['node', 'role', 'kind', 'reason', 'outcome'],
    read: readStatements,
  },
  retries_total: {
    type: 'counter',
    help: 'Attempts that failed on this node with this error code and were followed by another attempt.',
    labels: ['node', 'code'],
    read: ({ stats, topology }) =>
      stats.retries
        .filter(({ node }) => isCurrent(node, topology))
        .map(({ node, code, count }) => [count, { node, code }]),
  },
  refused_total: {
    type: 'counter',
    help: 'Statements that looked like reads and that a replica refused as writes.',
    labels: [],
    read: ({ stats }) => [[stats.refused]],
  },
  fallback_reads_total: {
    type: 'counter',
    help: 'Reads that the primary answered because no replica could.',
    labels: [],
    read: ({ stats }) => [[stats.fallbacks]],
  },
  node_up: {
    type: 'gauge',
    help: '1 if the node answered its last probe, 0 if it is down or not probed yet.',
    labels: ['node', 'role'],
    combination: 'least',
    read: ofNodes(({ name, role, health }) => [Number(health === 'up'), { node: name, role }]),
  },
  node_serving: {
    type: 'gauge',
    help: '1 if the node gets statements: it is up and, if a replica, neither draining nor too old.',
    labels: ['node', 'role'],
    combination: 'least',
    read: ofNodes((node) => [Number(isServing(node)), { node: node.name, role: node.role }]),
  },
  node_draining: {
    type: 'gauge',
    help: '1 if an operator is taking the replica out, else 0.',
    labels: ['node'],
    combination: 'most',
    read: ofNodes(({ name, role, isDraining }) =>
      role === 'primary' ? undefined : [Number(isDraining), { node: name }],
    ),
  },
  node_lag_seconds: {
    type: 'gauge',
    help: 'How far the replica is behind the primary. Absent while unknown.',
    labels: ['node'],
    combination: 'most',
    read: ofNodes(({ name, role, lagMs }) =>
      role === 'primary' || lagMs === null ? undefined : [lagMs / 1000, { node: name }],
    ),
  },
  node_info: {
    type: 'gauge',
    help: 'Always 1. Its labels describe the node.',
    labels: ['node', 'role', 'address', 'timeline', 'receiver', 'region'],
    combination: 'most',
    read: ofNodes(({ name, role, address, timeline, receiver, region }) => [
      1,
      {
        node: name,
        role,
        address,
        timeline: textOf(timeline),
        receiver: textOf(receiver),
        region: textOf(region),
      },
    ]),
  },
  probe_duration_seconds: {
    type: 'gauge',
    help: 'How long the last successful probe of the node took. Absent while unknown.',
    labels: ['node'],
    combination: 'most',
    read: ofNodes(({ name, roundTripMs }) =>
      roundTripMs === null ? undefined : [roundTripMs / 1000, { node: name }],
    ),
  },
  primary_changes_total: {
    type: 'counter',
    help: 'How often another server took over as the primary.',
    labels: [],
    read: ({ primaryChanges }) => [[primaryChanges]],
  },
  pool_connections: {
    type: 'gauge',
    help: 'Connections in the pool of the node, by state: used or idle.',
    labels: ['node', 'state'],
    read: ({ stats }) =>
      stats.pools.flatMap(({ node, used, idle }): Sample[] => [
        [used, { node, state: 'used' }],
        [idle, { node, state: 'idle' }],
      ]),
  },
  pool_connections_max: {
    type: 'gauge',
    help: 'The most connections that the pool of the node may open.',
    labels: ['node'],
    read: ofPools(({ max }) => max),
  },
  pool_pending: {
    type: 'gauge',
    help: 'Callers who wait for a connection to the node.',
    labels: ['node'],
    read: ofPools(({ waiting }) => waiting),
  },
  pool_waits_total: {
    type: 'counter',
    help: 'How often a caller found no idle connection to the node and had to wait.',
    labels: ['node'],
    read: ofPools(({ waits }) => waits),
  },
  pool_wait_seconds_total: {
    type: 'counter',
    help: 'How long callers have waited for a connection to the node, all together.',
    labels: ['node'],
    read: ofPools(({ waitedMs }) => waitedMs / 1000),
  },
  pool_timeouts_total: {
    type: 'counter',
    help: 'How often a caller got no connection to the node in time.',
    labels: ['node'],
    read: ofPools(({ timeouts }) => timeouts),
  },
  lanes: {
    type: 'gauge',
    help: 'Connections to the node that fast reads share.',
    labels: ['node'],
    read: ofPools(({ lanes }) => lanes),
  },
  in_flight: {
    type: 'gauge',
    help: 'Reads, streams and transactions under way on the node.',
    labels: ['node'],
    read: ofPools(({ inFlight }) => inFlight),
  },
  sessions: {
    type: 'gauge',
    help: 'Sessions in the memory of this process. Absent with another store.',
    labels: [],
    read: ({ stats: { sessions } }) => (sessions.stored === null ? [] : [[sessions.stored]]),
  },
  sessions_waiting: {
    type: 'gauge',
    help: 'Reads that wait until a replica shows what their session wrote or saw.',
    labels: [],
    read: ({ stats }) => [[stats.sessions.waiting]],
  },
  session_store_failures_total: {
    type: 'counter',
    help: 'Failures of the session store, by operation: load or save.',
    labels: ['op'],
    read: ({ stats: { counters } }) => [
      [counters.failedSessionLoads, { op: 'load' }],
      [counters.failedSessionSaves, { op: 'save' }],
    ],
  },
  discovery_failures_total: {
    type: 'counter',
    help: 'How often the discovery of replicas failed. The list stayed as it was.',
    labels: [],
    read: ({ stats }) => [[stats.counters.failedDiscoveries]],
  },
  foreign_tokens_total: {
    type: 'counter',
    help: 'Session tokens that were damaged, forged or signed with another secret.',
    labels: [],
    read: ({ stats }) => [[stats.counters.foreignTokens]],
  },
  writes_without_session_total: {
    type: 'counter',
    help: 'HTTP requests that wrote but belonged to no session, so their clients may not see the write at once.',
    labels: [],
    read: ({ stats }) => [[stats.counters.writesWithoutSession]],
  },
};

function readStatements({ stats, topology }: ScrapedFacts): readonly Sample[] {
  return stats.routes.flatMap(({ node, role, kind, reason, count, failed }) => {
    if (node !== null && !isCurrent(node, topology)) return [];
    const labels = { node: node ?? 'none', role: role ?? 'none', kind, reason };
    const samples: Sample[] = [];
    if (count > failed) samples.push([count - failed, { ...labels, outcome: 'ok' }]);
    if (failed > 0) samples.push([failed, { ...labels, outcome: 'failed' }]);
    return samples;
  });
}

/** A discovery may find new names forever. Those of nodes that have left are no longer reported. */
function isCurrent(node: string, topology: TopologyStatus | undefined): boolean {
  return topology === undefined || nodesOf(topology).some(({ name }) => name === node);
}

function nodesOf(topology: TopologyStatus | undefined): readonly NodeStatus[] {
  return topology === undefined ? [] : [topology.primary, ...topology.replicas];
}

function isServing({ health, isDraining, isTooOld }: NodeStatus): boolean {
  return health === 'up' && !isDraining && !isTooOld;
}

function textOf(value: string | number | null): string {
  return value === null ? '' : String(value);
}
