import { laterPosition, type Position } from '../session/position.js';
import { ConditionWaiters } from './condition-waiters.js';
import { judgeRole, type RoleVerdict } from './judge-role.js';
import type { MonitorSettings, MonitorSources } from './monitor-settings.js';
import { NodeList } from './node-list.js';
import type { ProbeResult } from './node-probe.js';
import { NodeWatch } from './node-watch.js';
import { PrimaryHistory } from './primary-history.js';
import type { NodeHealth, NodeSnapshot, Topology } from './topology.js';
import type { WatchedNode } from './watched-node.js';

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
  readonly #nodes: NodeList;
  readonly #history = new PrimaryHistory();
  readonly #watches = new Map<string, NodeWatch>();
  readonly #waiters = new ConditionWaiters();
  readonly #listeners = new Set<(change: HealthChange) => void>();
  readonly #promotionListeners = new Set<(name: string) => void>();
  #wanted: Position | undefined;

  constructor(nodes: readonly WatchedNode[], settings: MonitorSettings, sources: MonitorSources) {
    this.#nodes = new NodeList(nodes, () => this.#waiters.check());
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
    return this.#nodes.topology;
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
    for (const replica of this.topology.replicas) {
      if (this.#isBehindWanted(replica.name)) this.#watch(replica.name).hurry();
    }
  }

  /**
   * Whether some replica that is up, or the one of that name, has replayed `position`: as soon as it has, or after
   * `timeoutMs`. Never rejects.
   */
  async waitForReplica(position: Position, timeoutMs: number, name?: string): Promise<boolean> {
    const isThere = (): boolean =>
      this.topology.replicas.some(
        (node) =>
          node.health === 'up' &&
          (node.position ?? 0n) >= position &&
          (name === undefined || node.name === name),
      );
    this.expect(position);
    await this.#waiters.until(isThere, timeoutMs);
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
    return this.#history.positionAtOrAfter(atMs);
  }

  #judge(name: string, answer: ProbeResult): RoleVerdict {
    const { primary } = this.topology;
    return judgeRole(this.#node(name), answer, { primary, timeline: this.#history.timeline });
  }

  #probeSucceeded(name: string, answer: ProbeResult, times: { startedMs: number; endedMs: number }): void {
    const { position } = answer;
    if (position === undefined) return this.#fail(name, 'it told no position');
    const verdict = this.#judge(name, answer);
    if (verdict.kind === 'refused') return this.#fail(name, verdict.problem);
    if (verdict.kind === 'promoted') this.#promote(name, position);
    const { position: before, ...known } = this.#node(name);
    const isPrimary = known.role === 'primary';
    if (isPrimary) {
      if (this.#history.isAnother(answer, before)) this.#partHistories(name, position);
      this.#history.observe({ ...answer, position }, times.startedMs);
    } else if (!this.#history.areReached(name, position, before)) {
      return this.#fail(
        name,
        'it went back, or its history may have parted from the primary: it has to pass that first',
      );
    }
    this.#replace({
      ...known,
      problem: undefined,
      health: 'up',
      position,
      freshAsOfMs: isPrimary ? times.startedMs : this.#history.freshAsOf(position),
      lagMs: this.#history.lagMs(position, times.endedMs),
      roundTripMs: times.endedMs - times.startedMs,
    });
    if (isPrimary) this.#dateReplicas(times.endedMs);
  }

  /** A replica has become the primary. */
  #promote(name: string, position: Position): void {
    this.#nodes.promote(name);
    this.#partHistories(name, position);
    for (const listener of this.#promotionListeners) listener(name);
  }

  /** From here on the primary's history is another one. */
  #partHistories(primaryName: string, position: Position): void {
    const { primary, replicas } = this.topology;
    this.#history.part(position, [primary, ...replicas]);
    for (const { name } of replicas) {
      this.#replace({ ...this.#node(name), freshAsOfMs: undefined });
      this.#fail(name, `${primaryName} began another history: it has to pass all that was known before`);
    }
  }

  #announce(node: NodeSnapshot, before: NodeHealth): void {
    for (const listener of this.#listeners) listener({ node, before });
  }

  /** What a replica had replayed may be all that the primary has: then it is as fresh as the primary's sample. */
  #dateReplicas(nowMs: number): void {
    this.#nodes.replaceReplicas((node) => {
      const { position } = node;
      const freshAsOfMs = position === undefined ? undefined : this.#history.freshAsOf(position);
      if (position === undefined || freshAsOfMs === node.freshAsOfMs) return node;
      return { ...node, freshAsOfMs, lagMs: node.lagMs ?? this.#history.lagMs(position, nowMs) };
    });
  }

  #fail(name: string, problem: string): void {
    this.#replace({ ...this.#node(name), health: 'down', problem });
  }

  #replace(node: NodeSnapshot): void {
    const before = this.#node(node.name).health;
    this.#nodes.replace(node);
    if (before !== node.health) this.#announce(node, before);
  }

  #isBehindWanted(name: string): boolean {
    if (this.#wanted === undefined || name === this.topology.primary.name) return false;
    const node = this.#node(name);
    return node.health === 'up' && (node.position ?? 0n) < this.#wanted;
  }

  #node(name: string): NodeSnapshot {
    const node = this.#nodes.find(name);
    if (node === undefined) throw new RangeError(`there is no node named ${name}`);
    return node;
  }

  #watch(name: string): NodeWatch {
    const watch = this.#watches.get(name);
    if (watch === undefined) throw new RangeError(`there is no node named ${name}`);
    return watch;
  }
}

function describe(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'message' in error && error.message !== '') {
    return String(error.message);
  }
  return typeof error === 'object' && error !== null && 'code' in error
    ? String(error.code)
    : 'unknown error';
}
