import type { ResolvedNode } from '../options/resolve-nodes.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { inTime } from '../topology/in-time.js';
import type { TopologyMonitor } from '../topology/topology-monitor.js';
import type { LogSink } from './operator-log.js';
import type { Database, NodeAccess, NodeOpener, Outside, ServerCheck } from '../execution/database.js';
import type { LaneSettings } from '../execution/lanes/read-lanes.js';
import { NodePool } from '../execution/pools/node-pool.js';
import { quietAccess } from '../execution/pools/quiet-access.js';
import type { Tracing } from '../observability/tracing.js';
import type { RoutingState } from './routing-state.js';

interface NodePoolsOptions {
  readonly options: Pick<ResolvedOptions<never>, 'drainTimeoutMs' | 'lanes' | 'prepare' | 'prepareAfter'>;
  readonly database: Database;
  /** What connects to a node. */
  readonly openerOf: (node: ResolvedNode) => NodeOpener;
  readonly monitor: TopologyMonitor;
  readonly state: Pick<RoutingState, 'hasReplicas'>;
  readonly outside: Outside;
  readonly tracing: Tracing;
}

/** How many prepared statements a connection keeps. Each takes memory of the server, about 10 KiB for a simple one. */
const PREPARED_PER_CONNECTION = 100;
/** How many connections a new node begins with. */
const WARM_CONNECTIONS = 2;

/**
 * The pools of all nodes, by name. A pool uses only connections to the server that the monitor knows at its node, and
 * drops its connections when the monitor loses that server. The pool of a node that has left lives until its
 * statements have ended.
 */
export class NodePools {
  readonly #options: NodePoolsOptions;
  readonly #lanes: LaneSettings | undefined;
  readonly #pools = new Map<string, NodePool>();
  readonly #nodes = new Map<string, ResolvedNode>();
  readonly #leaving = new Set<Promise<void>>();
  /** Functions that end the wait for statements on nodes that have left. */
  readonly #hurries = new Set<() => void>();

  constructor(options: NodePoolsOptions) {
    this.#options = options;
    this.#lanes = laneSettings(options.options);
    const { monitor } = options;
    // Connections to the previous server are useless.
    monitor.on('server:changed', ({ name, identity }) =>
      this.#pools.get(name)?.keepOnly(identity?.incarnation),
    );
    this.#cutWhatIsGone(monitor);
  }

  get byName(): ReadonlyMap<string, NodePool> {
    return this.#pools;
  }

  /** Makes the pool of a node; connects to nothing. */
  add(node: ResolvedNode): NodePool {
    const { database, openerOf, monitor, outside, tracing } = this.#options;
    const { name, address } = node;
    const access = openerOf(node).openNode(node, {
      // A broken idle connection is as good a sign of a crash as one in use.
      onIdleError: () => monitor.doubt(name),
      check: this.#checkOf(name),
      outside,
      isReplica: () => monitor.topology.primary.name !== name,
    });
    const pool = new NodePool({
      name,
      address,
      database,
      access: quietAccess(access, outside, tracing),
      lanes: this.#lanes,
      probedMs: () => probedMs(monitor, name),
      outside,
      tracing,
      nowMs: () => performance.now(),
    });
    this.#pools.set(name, pool);
    this.#nodes.set(name, node);
    return pool;
  }

  get nodes(): ReadonlyMap<string, ResolvedNode> {
    return this.#nodes;
  }

  /** Makes a node's first connections, so that its first reads need not wait for them. Rejects if one of them fails. */
  async warmUp(node: ResolvedNode): Promise<void> {
    const pool = this.get(node.name);
    const wanted = Array.from({ length: Math.min(pool.access.limits.size, WARM_CONNECTIONS) }, () =>
      pool.checkout(),
    );
    const made = await Promise.allSettled(wanted);
    for (const one of made) if (one.status === 'fulfilled') pool.release(one.value);
    await Promise.all(wanted);
  }

  get(name: string): NodePool {
    const pool = this.#pools.get(name);
    if (pool === undefined) throw new RangeError(`there is no node named ${name}`);
    return pool;
  }

  /** The node has left. Nobody can ask for its pool any more; its statements may end in their time. */
  remove(name: string): void {
    const pool = this.#pools.get(name);
    if (pool === undefined) return;
    this.#pools.delete(name);
    this.#nodes.delete(name);
    const left = this.#endWhenIdle(pool).finally(() => {
      this.#leaving.delete(left);
    });
    this.#leaving.add(left);
  }

  /** Ends all connections, also to nodes that are leaving. */
  async end(): Promise<void> {
    for (const hurry of this.#hurries) hurry();
    await Promise.all([...this.#leaving, ...[...this.#pools.values()].map((pool) => pool.end())]);
  }

  /** Statements that wait for a node that is gone, or for a former primary, fail at once. */
  #cutWhatIsGone(monitor: TopologyMonitor): void {
    monitor.on('node:down', ({ node }) => {
      if (node.role === 'replica') this.#pools.get(node.name)?.reset(node.problem ?? 'the node is down');
    });
    monitor.on('primary:changed', ({ primary, because }) => {
      for (const pool of this.#pools.values()) {
        // The old primary may have been at this address. It must get no more writes.
        if (pool.name !== primary.name || because === 'another-server')
          pool.reset(`${primary.name} is another primary than before`);
      }
    });
  }

  /**
   * Lets a node's pool use only connections to the server that the monitor knows. The primary may have restarted
   * since the monitor asked it, so the monitor asks again before a write fails. Without replicas nobody watches the
   * nodes, and any server is accepted.
   */
  #checkOf(node: string): ServerCheck {
    const { monitor, state } = this.#options;
    return {
      isOn: () => state.hasReplicas,
      objectionTo: (identity) => {
        const objection = monitor.objectionTo(node, identity);
        if (objection === undefined || node !== monitor.topology.primary.name) return objection;
        return monitor.meetAnew(node).then(() => monitor.objectionTo(node, identity));
      },
    };
  }

  async #endWhenIdle(pool: NodePool): Promise<void> {
    const { drainTimeoutMs } = this.#options.options;
    let hurry: (() => void) | undefined;
    const hurried = new Promise<void>((resolve) => (hurry = resolve));
    this.#hurries.add(hurry as unknown as () => void);
    await inTime(Promise.race([pool.whenIdle(), hurried]), drainTimeoutMs, () =>
      pool.reset(`the node has left, and its time to finish (${drainTimeoutMs} ms) is over`),
    );
    this.#hurries.delete(hurry as unknown as () => void);
    await pool.end();
  }
}

/** Round-trip time of the monitor's last question to a node; milliseconds, `undefined` before the first answer. */
function probedMs({ topology }: TopologyMonitor, name: string): number | undefined {
  const { primary, replicas } = topology;
  return (primary.name === name ? primary : replicas.find((node) => node.name === name))?.roundTripMs;
}

/** How reads share connections, by the options; `undefined`: not at all. */
function laneSettings(options: NodePoolsOptions['options']): LaneSettings | undefined {
  if (!options.lanes) return undefined;
  const prepare = { after: options.prepareAfter, perConnection: PREPARED_PER_CONNECTION };
  return { prepare: options.prepare ? prepare : undefined };
}

/** Logs, at the start, why reads will not share connections although the options allow it. */
export function logMissingLanes({ laneObstacle }: Pick<NodeAccess, 'laneObstacle'>, log: LogSink): void {
  if (laneObstacle !== undefined)
    log.warn(`each read has a connection to itself (no lanes): ${laneObstacle}`);
}
