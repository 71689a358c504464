import type { ResolvedNode } from '../options/resolve-nodes.js';
import type { Outside } from '../postgres/create-pool.js';
import type { LaneSettings } from '../postgres/lanes/read-lanes.js';
import type { ServerCheck } from '../postgres/check-connection.js';
import { NodePool } from '../postgres/node-pool.js';
import { PoolEvents } from '../postgres/pool-events.js';
import { poolConfig, type PoolSettings } from '../postgres/pool-config.js';

/** What {@link NodePools} work with. */
export interface NodePoolsOptions {
  readonly settings: PoolSettings;
  /** How reads share connections; `undefined`: not at all. */
  readonly lanes: LaneSettings | undefined;
  /** Which servers a node's connections may lead to. */
  readonly check: (node: string) => ServerCheck;
  /** What runs on a node that leaves may take so long; then it is cut. Milliseconds. */
  readonly drainTimeoutMs: number;
  /** How long the monitor's question to a node takes, there and back; milliseconds, `undefined` while it has no answer. */
  readonly probedMs: (node: string) => number | undefined;
  /** Calls a function outside any request. */
  readonly outside: Outside;
  /** Milliseconds of the monotonic clock. */
  readonly nowMs: () => number;
}

/** With so many connections a new node begins. */
const WARM_CONNECTIONS = 2;

/** The pools of all nodes, by name. Those of nodes that have left go on until what runs there has ended. */
export class NodePools {
  /** Who hears of their connections. */
  readonly events = new PoolEvents();
  readonly #options: NodePoolsOptions;
  readonly #pools = new Map<string, NodePool>();
  readonly #nodes = new Map<string, ResolvedNode>();
  readonly #leaving = new Set<Promise<void>>();
  /** End the waiting for what runs on nodes that have left. */
  readonly #hurries = new Set<() => void>();

  constructor(options: NodePoolsOptions) {
    this.#options = options;
  }

  /** The pools as they are at any time. */
  get byName(): ReadonlyMap<string, NodePool> {
    return this.#pools;
  }

  /** Makes the pool of a node; connects to nothing. */
  add(node: ResolvedNode): NodePool {
    const { settings, lanes, probedMs, check, outside, nowMs } = this.#options;
    const pool = new NodePool({
      name: node.name,
      address: node.address,
      config: poolConfig(node, settings),
      onIdleError: (error) => settings.onIdleError(error, node.name),
      onConnect: settings.onConnect,
      check: check(node.name),
      lanes,
      probedMs: () => probedMs(node.name),
      events: this.events,
      outside,
      nowMs,
    });
    this.#pools.set(node.name, pool);
    this.#nodes.set(node.name, node);
    return pool;
  }

  /** The nodes that have a pool. */
  get nodes(): ReadonlyMap<string, ResolvedNode> {
    return this.#nodes;
  }

  /** Makes a node's first connections, so that its first reads need not. Rejects when one cannot be had. */
  async warmUp(node: ResolvedNode): Promise<void> {
    const pool = this.get(node.name);
    const size = poolConfig(node, this.#options.settings).max ?? WARM_CONNECTIONS;
    const wanted = Array.from({ length: Math.min(size, WARM_CONNECTIONS) }, () => pool.checkout());
    const made = await Promise.allSettled(wanted);
    for (const one of made) if (one.status === 'fulfilled') pool.release(one.value);
    await Promise.all(wanted);
  }

  /** Throws where there is no such node. */
  get(name: string): NodePool {
    const pool = this.#pools.get(name);
    if (pool === undefined) throw new RangeError(`there is no node named ${name}`);
    return pool;
  }

  /** The node has left: nobody can ask for its pool any more. What runs there may end in its time. */
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

  async #endWhenIdle(pool: NodePool): Promise<void> {
    const { drainTimeoutMs } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    let hurry: (() => void) | undefined;
    const late = new Promise<void>((resolve) => {
      hurry = resolve;
      timer = setTimeout(() => {
        pool.reset(`the node has left, and its time to finish (${drainTimeoutMs} ms) is over`);
        resolve();
      }, drainTimeoutMs);
    });
    this.#hurries.add(hurry as () => void);
    await Promise.race([pool.whenIdle(), late]);
    this.#hurries.delete(hurry as () => void);
    clearTimeout(timer);
    await pool.end();
  }
}
