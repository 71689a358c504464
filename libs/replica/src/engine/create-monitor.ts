import type { ResolvedNode } from '../options/resolve-nodes.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { POSTGRES_TERMS } from '../postgres/terms.js';
import { kindOfFailure } from '../errors/safe-message.error.js';
import type { NodeProbe } from '../topology/node-probe.js';
import type { MonitorSources } from '../topology/monitor-settings.js';
import type { NodeRole } from '../topology/topology.js';
import { TopologyMonitor } from '../topology/topology-monitor.js';
import type { WatchedNode } from '../topology/watched-node.js';
import type { OperatorLog } from './operator-log.js';

/** What a monitor is made of. */
export interface MonitorParts {
  readonly options: ResolvedOptions<never>;
  readonly probeOf: (node: ResolvedNode) => NodeProbe;
  /** Calls a function outside any request. */
  readonly outside: MonitorSources['outside'];
  /** Milliseconds of a monotonic clock. */
  readonly nowMs: () => number;
  readonly log: OperatorLog;
}

/** A monitor of the nodes of the options. It has not begun yet. */
export function createMonitor({ options, probeOf, outside, nowMs, log }: MonitorParts): TopologyMonitor {
  const { primary, replicas } = options;
  return new TopologyMonitor(
    [
      watchedNode(primary, 'primary', probeOf(primary)),
      ...replicas.map((node) => watchedNode(node, 'replica', probeOf(node))),
    ],
    {
      ...options.monitor,
      maxLagMs: options.maxLagMs,
      warnLagMs: options.warnLagMs,
      homesKeptMs: options.session.ttlMs,
      terms: POSTGRES_TERMS,
    },
    {
      outside,
      nowMs,
      random: Math.random,
      onListenerFailure: (event, error) => log.warnSeldom(event, `${event}: ${kindOfFailure(error)}`),
    },
  );
}

/** A node as the monitor wants it. */
export function watchedNode(
  { name, address, weight, region, tags }: ResolvedNode,
  role: NodeRole,
  probe: NodeProbe,
): WatchedNode {
  return { name, role, address, weight, region, tags, probe };
}
