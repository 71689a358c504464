import { laterPosition, type Position } from '../session/position.js';
import { LagClock } from './lag-clock.js';
import type { MonitorSettings, MonitorSources } from './monitor-settings.js';
import { NodeWatch } from './node-watch.js';
import type { NodeProbe, ProbeResult } from './node-probe.js';
import type { NodeHealth, NodeRole, NodeSnapshot, Topology } from './topology.js';

/** A node to watch. */
export interface WatchedNode {
  readonly name: string;
  readonly role: NodeRole;
  /** `host:port`. */
  readonly address: string;
  readonly probe: NodeProbe;
}

/** A node's health changed. */
export interface HealthChange {
  readonly node: NodeSnapshot;
  readonly before: NodeHealth;
}

/**
 * Watches the nodes: one loop each, on connections of its own, and keeps the topology as an immutable snapshot.
 * Fails closed: a node that does not answer in time, answers nonsense or has the wrong role is `down` until a probe
 * that began later succeeds.
 */
export class TopologyMonitor {
  readonly #lagClock = new LagClock();
  readonly #watches = new Map<string, NodeWatch>();
  readonly #waiters = new Set<() => void>();
  readonly #listeners = new Set<(change: HealthChange) => void>();
  readonly #primaryName: string;
  #topology: Topology;
  #wanted: Position | undefined;

  constructor(nodes: readonly WatchedNode[], settings: MonitorSettings, sources: MonitorSources) {
    const snapshots = nodes.map(({ name, role, address }): NodeSnapshot => ({
      name,
      role,
      address,
      health: 'unknown',
    }));
    const primary = snapshots.find((node) => node.role === 'primary');
    if (primary === undefined) throw new TypeError('a topology needs a primary');
    this.#primaryName = primary.name;
    this.#topology = {
      version: 0,
      primary,
      replicas: snapshots.filter((node) => node.role === 'replica'),
    };
    for (const node of nodes) {
      const watch = new NodeWatch(node.probe, settings, sources, {
        succeeded: (result, times) => this.#probeSucceeded(node.name, result, times),
        failed: (error) => this.#fail(node.name, describe(error)),
        isWaitedFor: () => this.#isBehindWanted(node.name),
      });
      this.#watches.set(node.name, watch);
    }
  }

  /** What is known now. */
  get topology(): Topology {
    return this.#topology;
  }

  /** Begins to watch. Does not wait for any node. */
  start(): void {
    for (const watch of this.#watches.values()) watch.start();
  }

  /** Ends all loops and connections. */
  async stop(): Promise<void> {
    await Promise.all([...this.#watches.values()].map((watch) => watch.stop()));
  }

  /** Calls `listener` at each change of a node's health; returns how to stop that. */
  onHealthChange(listener: (change: HealthChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * The position of a node, read after this call began, so on the primary it covers every write that has completed.
   * Callers share the probes. Rejects when the node does not answer or tells no position.
   */
  async capturePosition(nodeName: string): Promise<Position> {
    const result = await this.#watch(nodeName).probeNow();
    const roleProblem = roleMismatch(this.#node(nodeName).role, result.inRecovery);
    if (roleProblem !== undefined) throw new TypeError(`${nodeName}: ${roleProblem}`);
    if (result.position === undefined) throw new TypeError(`${nodeName} told no position`);
    return result.position;
  }

  /** Probes replicas more often until all that are up have replayed `position`: a session waits for it. */
  expect(position: Position): void {
    this.#wanted = laterPosition(this.#wanted, position);
    for (const replica of this.#topology.replicas) {
      if (this.#isBehindWanted(replica.name)) this.#watch(replica.name).hurry();
    }
  }

  /** Whether some replica that is up has replayed `position`, as soon as one has or after `timeoutMs`. Never rejects. */
  async waitForReplica(position: Position, timeoutMs: number): Promise<boolean> {
    const isThere = (): boolean =>
      this.#topology.replicas.some((node) => node.health === 'up' && (node.position ?? 0n) >= position);
    this.expect(position);
    if (isThere()) return true;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiters.delete(check);
        resolve();
      };
      const check = (): void => {
        if (isThere()) done();
      };
      const timer = setTimeout(done, timeoutMs);
      this.#waiters.add(check);
    });
    return isThere();
  }

  /** A statement lost its connection to the node: it is down until a probe that begins now says otherwise. */
  suspect(nodeName: string, problem: string): void {
    this.#watch(nodeName).doubt();
    this.#fail(nodeName, problem);
  }

  /** A position that is above all that anyone can have seen by then; `undefined` while none is known. */
  primaryPositionAtOrAfter(atMs: number): Position | undefined {
    return this.#lagClock.positionAtOrAfter(atMs);
  }

  #probeSucceeded(name: string, result: ProbeResult, times: { startedMs: number; endedMs: number }): void {
    const node = this.#node(name);
    const roleProblem = roleMismatch(node.role, result.inRecovery);
    if (roleProblem !== undefined) return this.#fail(name, roleProblem);
    const position = laterPosition(node.position, result.position);
    if (position === undefined || result.position === undefined)
      return this.#fail(name, 'it told no position');
    const isPrimary = name === this.#primaryName;
    if (isPrimary) this.#lagClock.observe(result.position, times.startedMs);
    const freshAsOfMs = isPrimary ? times.startedMs : this.#lagClock.freshAsOf(position);
    this.#replace({
      name,
      role: node.role,
      address: node.address,
      health: 'up',
      position,
      freshAsOfMs,
      lagMs: this.#lagMs(position, freshAsOfMs, times.endedMs),
      roundTripMs: times.endedMs - times.startedMs,
    });
    if (isPrimary) this.#dateReplicas(times.endedMs);
  }

  /** What a replica had replayed may be all that the primary has: then it is as fresh as the primary's sample. */
  #dateReplicas(nowMs: number): void {
    const replicas = this.#topology.replicas.map((node) => {
      const freshAsOfMs = node.position === undefined ? undefined : this.#lagClock.freshAsOf(node.position);
      if (node.position === undefined || freshAsOfMs === node.freshAsOfMs) return node;
      return { ...node, freshAsOfMs, lagMs: node.lagMs ?? this.#lagMs(node.position, freshAsOfMs, nowMs) };
    });
    this.#topology = { ...this.#topology, version: this.#topology.version + 1, replicas };
  }

  #lagMs(position: Position, freshAsOfMs: number | undefined, nowMs: number): number | undefined {
    const latest = this.#lagClock.latest;
    if (latest === undefined) return undefined;
    if (position >= latest) return 0;
    return nowMs - (freshAsOfMs ?? this.#lagClock.knownSinceMs ?? nowMs);
  }

  #fail(name: string, problem: string): void {
    const node = this.#node(name);
    this.#replace({ ...node, health: 'down', problem });
  }

  #replace(node: NodeSnapshot): void {
    const { version, primary, replicas } = this.#topology;
    const before = this.#node(node.name).health;
    this.#topology = {
      version: version + 1,
      primary: node.name === primary.name ? node : primary,
      replicas: replicas.map((replica) => (replica.name === node.name ? node : replica)),
    };
    if (before !== node.health) for (const listener of this.#listeners) listener({ node, before });
    for (const waiter of this.#waiters) waiter();
  }

  #isBehindWanted(name: string): boolean {
    if (this.#wanted === undefined || name === this.#primaryName) return false;
    const node = this.#node(name);
    return node.health === 'up' && (node.position ?? 0n) < this.#wanted;
  }

  #node(name: string): NodeSnapshot {
    const { primary, replicas } = this.#topology;
    const node = name === primary.name ? primary : replicas.find((replica) => replica.name === name);
    if (node === undefined) throw new RangeError(`there is no node named ${name}`);
    return node;
  }

  #watch(name: string): NodeWatch {
    const watch = this.#watches.get(name);
    if (watch === undefined) throw new RangeError(`there is no node named ${name}`);
    return watch;
  }
}

function roleMismatch(role: NodeRole, inRecovery: boolean): string | undefined {
  if (role === 'primary' && inRecovery)
    return 'it is configured as the primary but is in recovery (a standby)';
  if (role === 'replica' && !inRecovery)
    return 'it is configured as a replica but accepts writes (not a standby)';
  return undefined;
}

function describe(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'message' in error && error.message !== '') {
    return String(error.message);
  }
  return typeof error === 'object' && error !== null && 'code' in error
    ? String(error.code)
    : 'unknown error';
}
