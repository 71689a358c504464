import type { Durability } from '../routing/durability.js';
import type { RefusedStatementEvent, StatementEvent } from '../routing/statement-event.js';
import type { TopologyMonitor } from '../topology/topology-monitor.js';
import type { NodeSnapshot } from '../topology/topology.js';
import {
  nodeStatusOf,
  topologyStatusOf,
  type NodeStatus,
  type PositionFormat,
  type TopologyStatus,
} from './node-status.js';

/**
 * - `timeout`: too few replicas had replayed the write in time
 * - `position-unknown`: the position of the write could not be learned
 * - `primary-changed`: another primary took over, and nobody knows whether it has the write
 */
export type NotVisibleReason = 'timeout' | 'position-unknown' | 'primary-changed';

/** A write was not found on as many replicas as it should be visible on. */
export interface NotVisibleEvent {
  readonly because: NotVisibleReason;
  /** On how many of the replicas that serve it should be visible. */
  readonly visibleOn: 'all' | number;
  /** How many replicas served at the end. */
  readonly serving: number;
  /** How many of them had replayed the write. */
  readonly visible: number;
  readonly waitedMs: number;
}

/** Events of a `DataSourceRouter`. Each can be turned into JSON, and none holds a credential. */
export interface RouterEvents {
  /** An attempt of a statement was answered or failed. */
  statement: [event: StatementEvent];
  /** A replica refused a statement that looked like a read. From now on this text goes to the primary. */
  'statement:refused': [event: RefusedStatementEvent];
  /** A node is out of rotation; `problem` says why. */
  'node:down': [event: { readonly node: NodeStatus; readonly problem: string }];
  /** A node is in rotation, for the first time or again. */
  'node:up': [event: { readonly node: NodeStatus }];
  /** A replica's lag has reached `warnLagMs`. The replica gets half of its share until `lag:ok`. */
  'lag:high': [event: { readonly node: NodeStatus; readonly lagMs: number | null }];
  /** Its lag is well below `warnLagMs` again. */
  'lag:ok': [event: { readonly node: NodeStatus; readonly lagMs: number | null }];
  /** The list of nodes or their roles have changed. */
  'topology:changed': [
    event: {
      readonly topology: TopologyStatus;
      /**
       * `promotion`: a replica became the primary. `configuration`: the list of replicas changed. `draining`: a
       * replica is being taken out, or no longer.
       */
      readonly because: 'promotion' | 'configuration' | 'draining';
      /** Names. A node whose address changed was added and removed. */
      readonly added: readonly string[];
      readonly removed: readonly string[];
    },
  ];
  /** Another server takes the writes: a replica was promoted, or another server answers at the primary's address. */
  'primary:changed': [
    event: {
      readonly primary: NodeStatus;
      readonly before: NodeStatus;
      readonly because: 'promotion' | 'another-server';
    },
  ];
  /**
   * Two nodes accept writes. `node` gets no statement until it follows `primary`, and what others write there is
   * lost. If both are the same node, an older server than before answers at the primary's address; then nobody gets
   * writes.
   */
  'primary:conflict': [
    event: {
      readonly node: NodeStatus;
      readonly primary: NodeStatus;
      /** The timelines that they write on; `null` while unknown. */
      readonly timeline: number | null;
      readonly primaryTimeline: number | null;
    },
  ];
  /**
   * A server of another database cluster answers at a node's address. It gets no statement and never becomes the
   * primary.
   */
  'node:foreign': [
    event: {
      readonly node: NodeStatus;
      /** The server's system identifier, and the one that it should have; `null` if not told. */
      readonly system: string | null;
      readonly primarySystem: string | null;
    },
  ];
  /**
   * A transaction of `withDurability()` is committed on the primary `node`, but the wait for its standbys was cancelled. Its
   * caller got a `DurabilityDowngradedError`.
   */
  'durability:downgraded': [event: { readonly node: string; readonly durability: Durability }];
  /** `@SyncWrite()` or `waitUntilVisible()` did not find a write on as many replicas as it should be on. */
  'visibility:missed': [event: NotVisibleEvent];
}

type EmitRouterEvent = <E extends keyof RouterEvents>(event: E, ...args: RouterEvents[E]) => void;

/** Emits what a monitor tells, with statuses in place of snapshots. */
export function forwardTopologyEvents(
  monitor: TopologyMonitor,
  format: PositionFormat,
  emit: EmitRouterEvent,
): void {
  const statusOf = (node: NodeSnapshot): NodeStatus => nodeStatusOf(node, format);
  monitor.on('node:down', ({ node }) =>
    emit('node:down', { node: statusOf(node), problem: node.problem ?? 'not known' }),
  );
  monitor.on('node:up', ({ node }) => emit('node:up', { node: statusOf(node) }));
  for (const event of ['lag:high', 'lag:ok'] as const) {
    monitor.on(event, (snapshot) => {
      const node = statusOf(snapshot);
      emit(event, { node, lagMs: node.lagMs });
    });
  }
  monitor.on('topology:changed', ({ topology, because, added, removed }) =>
    emit('topology:changed', { topology: topologyStatusOf(topology, format), because, added, removed }),
  );
  monitor.on('primary:changed', ({ primary, before, because }) =>
    emit('primary:changed', { primary: statusOf(primary), before: statusOf(before), because }),
  );
  monitor.on('primary:conflict', ({ node, primary, epoch: timeline, primaryEpoch: primaryTimeline }) =>
    emit('primary:conflict', {
      node: statusOf(node),
      primary: statusOf(primary),
      timeline: timeline ?? null,
      primaryTimeline: primaryTimeline ?? null,
    }),
  );
  monitor.on('node:foreign', ({ node, system, primarySystem }) =>
    emit('node:foreign', {
      node: statusOf(node),
      system: system ?? null,
      primarySystem: primarySystem ?? null,
    }),
  );
}
