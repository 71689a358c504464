import type { Database } from '../execution/database.js';
import { familyOf } from '../options/database-type.js';
import type { NodeOptions, ReplicaDiscovery } from '../options/replica-options.js';
import type { ResolvedNode } from '../options/resolve-nodes.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import type { Position } from '../session/position.js';
import { DiscoveryLoop } from '../topology/discovery/discovery-loop.js';
import { JoiningProbe } from '../topology/discovery/joining-probe.js';
import type { TopologyMonitor } from '../topology/topology-monitor.js';
import type { WatchedNode } from '../topology/node-probe.js';
import { DrainInterruptedError } from '../errors/drain-interrupted.error.js';
import type { EndpointNodes } from './endpoint-nodes.js';
import type { NodePools } from './node-pools.js';
import { watchedNode, type NodeProbes } from './node-probes.js';
import type { LogSink } from './operator-log.js';
import { isSameConnection, resolveFound, resolveReplicas, type CurrentNodes } from './resolve-replicas.js';
import type { RouterCounter } from '../observability/router-counters.js';
import type { RoutingState } from './routing-state.js';
import { UnknownReplicaError } from '../errors/unknown-replica.error.js';

interface ReplicaSetOptions {
  readonly database: Pick<Database, 'withConnectionOf'>;
  readonly options: Pick<ResolvedOptions<never>, 'type' | 'primary' | 'pool'>;
  readonly pools: Pick<NodePools, 'nodes' | 'byName' | 'add' | 'remove' | 'warmUp'>;
  readonly monitor: TopologyMonitor;
  readonly probes: Pick<NodeProbes, 'of'>;
  readonly endpoints: Pick<EndpointNodes, 'nodes' | 'watch' | 'end'>;
  readonly state: Pick<RoutingState, 'hasReplicas'>;
  /** Called before the first replicas are added. Gives a position that covers what was written and seen until then. */
  readonly beforeFirst: () => Promise<Position | undefined>;
}

/** Time limit and retries of a discovery; milliseconds. */
const DISCOVERY = { timeoutMs: 10_000, retryMs: 1_000, maxRetryMs: 30_000 };

/** The replicas, which may change while everything runs. Changes are made one after the other. */
export class ReplicaSet {
  readonly #options: ReplicaSetOptions;
  readonly #drains = new Set<{ readonly node: string; readonly interrupt: (error: Error) => void }>();
  #last: Promise<void> = Promise.resolve();
  /** The replicas that were given or found by a discovery, without those behind endpoints. */
  #given: readonly ResolvedNode[] = [];
  /** The first replicas have just been added, so nobody knows yet what was written while no session was kept. */
  #lacksFloor = false;
  /** What a replica that joins has to have replayed before it may serve. */
  #floor: Position | undefined;
  #isStopped = false;

  constructor(options: ReplicaSetOptions) {
    this.#options = options;
    options.monitor.on('topology:changed', ({ because, removed }) => {
      // A promoted node that is in no list any more leaves when it is no longer the primary.
      if (because === 'promotion') this.#last = this.#last.then(() => this.#leave(removed));
    });
  }

  /** Resolves replicas that were given. Throws an `InvalidReplicaOptionsError`. */
  resolve(replicas: readonly NodeOptions[]): readonly ResolvedNode[] {
    return resolveReplicas(replicas, this.#current);
  }

  /** Like {@link resolve}, for replicas that were found. Also throws if there is none. */
  resolveFound(found: readonly NodeOptions[]): readonly ResolvedNode[] {
    return resolveFound(found, this.#current);
  }

  /**
   * Resolves when these are the replicas, and behind each endpoint among them somebody has looked for servers. A new one serves once
   * it is ready; what runs on one that leaves may end in its time.
   */
  async put(nodes: readonly ResolvedNode[]): Promise<void> {
    const { state, endpoints } = this.#options;
    if (nodes.length > 0 && !state.hasReplicas) {
      state.hasReplicas = true;
      this.#lacksFloor = true;
    }
    const looked = endpoints.watch(
      nodes.filter(({ isEndpoint }) => isEndpoint),
      () => this.#update(),
    );
    await this.#update(nodes);
    await looked;
  }

  /** Puts in place what is known now. `nodes`: from now on these are given. */
  #update(nodes?: readonly ResolvedNode[]): Promise<void> {
    const put = this.#last.then(async () => {
      if (nodes !== undefined) this.#given = nodes.filter(({ isEndpoint }) => !isEndpoint);
      if (nodes !== undefined && nodes.length > 0) await this.#findFloor();
      await this.#put([...this.#given, ...this.#options.endpoints.nodes]);
    });
    this.#last = put.catch(() => undefined);
    return put;
  }

  /** The node gets no new reads from now on. Resolves when nothing runs on it any more. */
  async drain(name: string): Promise<void> {
    this.#assertReplica(name);
    this.#options.monitor.setDraining(name, true);
    let interrupt: ((error: Error) => void) | undefined;
    const interrupted = new Promise<never>((_, reject) => (interrupt = reject));
    const drain = { node: name, interrupt: interrupt as (error: Error) => void };
    this.#drains.add(drain);
    try {
      await Promise.race([this.#idle(name), interrupted]);
    } finally {
      this.#drains.delete(drain);
    }
  }

  resume(name: string): void {
    this.#assertReplica(name);
    this.#options.monitor.setDraining(name, false);
    this.#interrupt('resumed', (node) => node === name);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#options.endpoints.end();
    this.#interrupt('destroyed', () => true);
    await this.#last;
  }

  async #idle(name: string): Promise<void> {
    await nextTurn();
    await this.#options.pools.byName.get(name)?.whenIdle();
  }

  get #current(): CurrentNodes {
    const { database, options, pools } = this.#options;
    const { type, primary, pool: levels } = options;
    const replicas = [...pools.nodes.values()].filter(
      ({ name, behind }) => name !== primary.name && behind === undefined,
    );
    return { database, family: familyOf(type), primary, replicas, levels };
  }

  async #findFloor(): Promise<void> {
    if (!this.#lacksFloor) return;
    this.#floor = await this.#options.beforeFirst();
    this.#lacksFloor = false;
  }

  async #put(nodes: readonly ResolvedNode[]): Promise<void> {
    const { monitor, pools } = this.#options;
    const renewed = nodes.filter((node) => this.#isRenewed(node));
    if (renewed.length > 0) {
      const others = nodes.filter((node) => pools.nodes.has(node.name) && !renewed.includes(node));
      await this.#leave(monitor.setReplicas(others.map((node) => this.#watched(node))).removed);
    }
    if (this.#isStopped) return;
    for (const node of nodes) if (!pools.nodes.has(node.name)) pools.add(node);
    await this.#leave(monitor.setReplicas(nodes.map((node) => this.#watched(node))).removed);
  }

  /** The node is the same, but connections to it must be made anew. Never true of the current primary. */
  #isRenewed(node: ResolvedNode): boolean {
    const { monitor, pools } = this.#options;
    const before = pools.nodes.get(node.name);
    const isPrimary = node.name === monitor.topology.primary.name;
    return before !== undefined && !isPrimary && !isSameConnection(before, node);
  }

  /** Removes the pools of these nodes, but not before statements that were just routed there have found them. */
  async #leave(names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    await nextTurn();
    for (const name of names) this.#options.pools.remove(name);
  }

  #watched(node: ResolvedNode): WatchedNode {
    const { pools, probes } = this.#options;
    const probe = new JoiningProbe(() => probes.of(node), {
      warmUp: () => pools.warmUp(node),
      floor: () => this.#floor,
    });
    return watchedNode(node, 'replica', probe);
  }

  #assertReplica(name: string): void {
    const { primary, replicas } = this.#options.monitor.topology;
    const names = replicas.map((node) => node.name);
    if (!names.includes(name))
      throw new UnknownReplicaError(name, names, { isPrimary: name === primary.name });
  }

  #interrupt(because: DrainInterruptedError['because'], isMeant: (node: string) => boolean): void {
    for (const { node, interrupt } of this.#drains)
      if (isMeant(node)) interrupt(new DrainInterruptedError(node, because));
  }
}

/** Resolves when everything that has begun has gone as far as it can without I/O. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Runs a discovery whose results become the list of replicas. Its failures are counted and logged. */
export function discoverInto(
  discovery: ReplicaDiscovery,
  replicaSet: ReplicaSet,
  { counters, log }: { readonly counters: Record<RouterCounter, number>; readonly log: LogSink },
): DiscoveryLoop<NodeOptions> {
  return new DiscoveryLoop<NodeOptions>({
    discovery,
    settings: DISCOVERY,
    apply: (found) => replicaSet.put(replicaSet.resolveFound(found)),
    onFailure: (problem, isNews) => {
      counters.failedDiscoveries++;
      if (isNews) log.warn(`replicas could not be discovered, those known before stay: ${problem}`);
    },
    onRecovery: () => log.log('replicas are discovered again'),
    random: Math.random,
  });
}
