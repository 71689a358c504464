import { laterPosition, type Position } from '../session/position.js';
import { LagClock } from './lag-clock.js';
import type { MonitorSettings, MonitorSources } from './monitor-settings.js';
import { NodeWatch } from './node-watch.js';
import type { NodeProbe, ProbeResult } from './node-probe.js';
import { RequiredPositions } from './required-positions.js';
import { judgeRole, type RoleVerdict } from './judge-role.js';
import type { NodeHealth, NodeRole, NodeSnapshot, Topology } from './topology.js';

/** A node to watch. */
export interface WatchedNode {
  readonly name: string;
  readonly role: NodeRole;
  /** `host:port`. */
  readonly address: string;
  readonly weight: number;
  readonly region?: string;
  readonly tags?: Readonly<Record<string, string>>;
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
  readonly #promotionListeners = new Set<(name: string) => void>();
  readonly #required = new RequiredPositions();
  #timeline: number | undefined;
  #topology: Topology;
  #wanted: Position | undefined;

  constructor(nodes: readonly WatchedNode[], settings: MonitorSettings, sources: MonitorSources) {
    const snapshots = nodes.map((node) => snapshotOf(node));
    const primary = snapshots.find((node) => node.role === 'primary');
    if (primary === undefined) throw new TypeError('a topology needs a primary');
    this.#topology = {
      version: 0,
      primary,
      replicas: snapshots.filter((node) => node.role === 'replica'),
      homes: snapshots
        .filter((node) => node.role === 'replica')
        .map(({ name, weight }) => ({ name, weight })),
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

  /** Calls `listener` with the node's name when a replica has become the primary; returns how to stop that. */
  onPromotion(listener: (name: string) => void): () => void {
    this.#promotionListeners.add(listener);
    return () => this.#promotionListeners.delete(listener);
  }

  /**
   * The position of a node, read after this call began, so on the primary it covers every write that has completed.
   * Callers share the probes. Rejects when the node does not answer or tells no position.
   */
  async capturePosition(nodeName: string): Promise<Position> {
    const result = await this.#watch(nodeName).probeNow();
    const verdict = this.#judge(nodeName, result);
    if (verdict.kind === 'refused') throw new TypeError(`${nodeName}: ${verdict.problem}`);
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

  /**
   * Whether some replica that is up, or the one of that name, has replayed `position`: as soon as it has, or after
   * `timeoutMs`. Never rejects.
   */
  async waitForReplica(position: Position, timeoutMs: number, name?: string): Promise<boolean> {
    const isThere = (): boolean =>
      this.#topology.replicas.some(
        (node) =>
          node.health === 'up' &&
          (node.position ?? 0n) >= position &&
          (name === undefined || node.name === name),
      );
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

  /** A statement lost its connection to the node: a probe that begins now tells more. */
  doubt(nodeName: string): void {
    this.#watch(nodeName).doubt();
  }

  /** A statement got no connection to the node: it is down until a probe that begins now says otherwise. */
  suspect(nodeName: string, problem: string): void {
    this.#watch(nodeName).doubt();
    this.#fail(nodeName, problem);
  }

  /** A position that is above all that anyone can have seen by then; `undefined` while none is known. */
  primaryPositionAtOrAfter(atMs: number): Position | undefined {
    return this.#lagClock.positionAtOrAfter(atMs);
  }

  #judge(name: string, answer: ProbeResult): RoleVerdict {
    return judgeRole(this.#node(name), answer, { primary: this.#topology.primary, timeline: this.#timeline });
  }

  #probeSucceeded(name: string, answer: ProbeResult, times: { startedMs: number; endedMs: number }): void {
    const { position } = answer;
    if (position === undefined) return this.#fail(name, 'it told no position');
    const verdict = this.#judge(name, answer);
    if (verdict.kind === 'refused') return this.#fail(name, verdict.problem);
    if (verdict.kind === 'promoted') this.#promote(name, position);
    const { position: before, ...known } = this.#node(name);
    const { role } = known;
    const isPrimary = role === 'primary';
    if (isPrimary) {
      if (this.#isAnotherHistory(answer.timeline, position, before)) this.#partHistories(name, position);
      this.#timeline = answer.timeline;
      this.#lagClock.observe(position, times.startedMs);
    } else if (!this.#required.areReached(name, position, before)) {
      return this.#fail(
        name,
        'it went back, or its history may have parted from the primary: it has to pass that first',
      );
    }
    const freshAsOfMs = isPrimary ? times.startedMs : this.#lagClock.freshAsOf(position);
    this.#replace({
      ...known,
      problem: undefined,
      health: 'up',
      position,
      freshAsOfMs,
      lagMs: this.#lagMs(position, freshAsOfMs, times.endedMs),
      roundTripMs: times.endedMs - times.startedMs,
    });
    if (isPrimary) this.#dateReplicas(times.endedMs);
  }

  /** Behind the primary's address answers another server than before: a failover, or a restored backup. */
  #isAnotherHistory(timeline: number | undefined, position: Position, before: Position | undefined): boolean {
    const isPromoted = timeline !== undefined && this.#timeline !== undefined && timeline !== this.#timeline;
    return isPromoted || (before !== undefined && position < before);
  }

  /** A replica has become the primary. */
  #promote(name: string, position: Position): void {
    const { version, primary, replicas, homes } = this.#topology;
    const all = [primary, ...replicas].map((node): NodeSnapshot => ({
      ...node,
      role: node.name === name ? 'primary' : 'replica',
    }));
    this.#topology = {
      version: version + 1,
      primary: all.find((node) => node.role === 'primary') as NodeSnapshot,
      replicas: all.filter((node) => node.role === 'replica'),
      homes,
    };
    this.#partHistories(name, position);
    for (const listener of this.#promotionListeners) listener(name);
  }

  /**
   * From here on the primary's history is another one. Everybody else must get past all that was known of any node
   * before: up to there the positions of two histories cannot be told apart.
   */
  #partHistories(primaryName: string, position: Position): void {
    const { primary, replicas } = this.#topology;
    let highest = position;
    for (const node of [primary, ...replicas]) highest = laterPosition(highest, node.position) as Position;
    this.#lagClock.reset();
    for (const { name } of replicas) {
      this.#required.require(name, highest + 1n);
      this.#replace({ ...this.#node(name), freshAsOfMs: undefined });
      this.#fail(name, `${primaryName} began another history: it has to pass all that was known before`);
    }
  }

  #announce(node: NodeSnapshot, before: NodeHealth): void {
    for (const listener of this.#listeners) listener({ node, before });
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
    return freshAsOfMs === undefined ? undefined : nowMs - freshAsOfMs;
  }

  #fail(name: string, problem: string): void {
    const node = this.#node(name);
    this.#replace({ ...node, health: 'down', problem });
  }

  #replace(node: NodeSnapshot): void {
    const { version, primary, replicas, homes } = this.#topology;
    const before = this.#node(node.name).health;
    this.#topology = {
      version: version + 1,
      primary: node.name === primary.name ? node : primary,
      replicas: replicas.map((replica) => (replica.name === node.name ? node : replica)),
      homes,
    };
    if (before !== node.health) this.#announce(node, before);
    for (const waiter of this.#waiters) waiter();
  }

  #isBehindWanted(name: string): boolean {
    if (this.#wanted === undefined || name === this.#topology.primary.name) return false;
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

function snapshotOf({ name, role, address, weight, region, tags }: WatchedNode): NodeSnapshot {
  return { name, role, address, health: 'unknown', weight, region, tags };
}

function describe(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'message' in error && error.message !== '') {
    return String(error.message);
  }
  return typeof error === 'object' && error !== null && 'code' in error
    ? String(error.code)
    : 'unknown error';
}
