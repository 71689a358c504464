import { laterPosition, type Position } from '../session/position.js';
import { ConditionWaiters } from './condition-waiters.js';
import { judgeRole, type RoleVerdict } from './judge-role.js';
import type { MonitorSettings, MonitorSources } from './monitor-settings.js';
import { NodeList } from './node-list.js';
import type { ProbeResult } from './node-probe.js';
import { NodeWatch } from './node-watch.js';
import { PrimaryHistory } from './primary-history.js';
import type { NodeHealth, NodeSnapshot, Topology } from './topology.js';
import { WatchList } from './watch-list.js';
import type { WatchedNode } from './watched-node.js';

/** A node's health changed. */
export interface HealthChange {
  readonly node: NodeSnapshot;
  readonly before: NodeHealth;
}

/** Names of nodes that came and went; one whose address changed did both. */
export interface NodesChange {
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/**
 * Watches the nodes: one loop each, on connections of its own, and keeps the topology as an immutable snapshot.
 * Fails closed: a node that does not answer in time, answers nonsense or has the wrong role is `down` until a probe
 * that began later succeeds.
 */
export class TopologyMonitor {
  readonly #nodes: NodeList;
  readonly #history = new PrimaryHistory();
  readonly #watches = new WatchList();
  readonly #waiters = new ConditionWaiters();
  readonly #listeners = new Set<(change: HealthChange) => void>();
  readonly #promotionListeners = new Set<(name: string) => void>();
  readonly #settings: MonitorSettings;
  readonly #sources: MonitorSources;
  #wanted: Position | undefined;

  constructor(nodes: readonly WatchedNode[], settings: MonitorSettings, sources: MonitorSources) {
    this.#settings = settings;
    this.#sources = sources;
    this.#nodes = new NodeList(nodes, {
      nowMs: sources.nowMs,
      homesKeptMs: settings.homesKeptMs,
      changed: () => this.#waiters.check(),
    });
    for (const node of nodes) this.#add(node);
  }

  /** What is known now. */
  get topology(): Topology {
    return this.#nodes.topology;
  }

  /** Begins to watch. Does not wait for any node. */
  start(): void {
    this.#watches.start();
  }

  /** Ends all loops and connections. */
  stop(): Promise<void> {
    return this.#watches.stop();
  }

  /**
   * From now on these are the replicas of the configuration; what they had been is told as `formerHomes` for a while. A
   * node whose name and address are as before goes on being watched by its own probe (the one given is closed); a new
   * one serves once it has been probed. Whoever is the primary now stays, and so does the configured primary. Returns what
   * came and went; a node at another address did both. Throws a `TypeError` where names are not unique, or taken by
   * the configured primary: then nothing has changed.
   */
  setReplicas(nodes: readonly WatchedNode[]): NodesChange {
    const { added, removed } = this.#nodes.setReplicas(nodes);
    for (const name of removed) this.#remove(name);
    for (const node of added) this.#add(node);
    for (const node of nodes) if (!added.includes(node)) this.#watches.endSoon(node.probe.close());
    return { added: added.map(({ name }) => name), removed };
  }

  /** Lets a node get no new reads, or again. Nothing happens where there is none of that name. */
  setDraining(nodeName: string, isDraining: boolean): void {
    const node = this.#nodes.find(nodeName);
    if (node !== undefined) this.#nodes.replace({ ...node, isDraining });
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
    const result = await this.#watches.find(nodeName)?.probeNow();
    const node = this.#nodes.find(nodeName);
    if (result === undefined || node === undefined) throw new TypeError(`there is no node named ${nodeName}`);
    const verdict = this.#judge(node, result);
    if (verdict.kind === 'refused') throw new TypeError(`${nodeName}: ${verdict.problem}`);
    if (result.position === undefined) throw new TypeError(`${nodeName} told no position`);
    return result.position;
  }

  /** Probes replicas more often until all that are up have replayed `position`: a session waits for it. */
  expect(position: Position): void {
    this.#wanted = laterPosition(this.#wanted, position);
    for (const replica of this.topology.replicas) {
      if (this.#isBehindWanted(replica.name)) this.#watches.find(replica.name)?.hurry();
    }
  }

  /**
   * Whether some replica that is up, or the one of that name, has replayed `position`: as soon as it has, or after
   * `timeoutMs`, or when there is none of that name (any more). Never rejects.
   */
  async waitForReplica(position: Position, timeoutMs: number, name?: string): Promise<boolean> {
    const isThere = (): boolean =>
      this.topology.replicas.some(
        (node) =>
          node.health === 'up' &&
          (node.position ?? 0n) >= position &&
          (name === undefined || node.name === name),
      );
    const isGone = (): boolean => name !== undefined && this.#nodes.find(name) === undefined;
    this.expect(position);
    await this.#waiters.until(() => isThere() || isGone(), timeoutMs);
    return isThere();
  }

  /** A statement lost its connection to the node: a probe that begins now tells more. */
  doubt(nodeName: string): void {
    this.#watches.find(nodeName)?.doubt();
  }

  /** A statement got no connection to the node: it is down until a probe that begins now says otherwise. */
  suspect(nodeName: string, problem: string): void {
    this.#watches.find(nodeName)?.doubt();
    this.#fail(nodeName, problem);
  }

  /** A position that is above all that anyone can have seen by then; `undefined` while none is known. */
  primaryPositionAtOrAfter(atMs: number): Position | undefined {
    return this.#history.positionAtOrAfter(atMs);
  }

  #add(node: WatchedNode): void {
    const { name } = node;
    this.#history.join(name);
    const watch = new NodeWatch(node.probe, this.#settings, this.#sources, {
      succeeded: (result, times) => this.#probeSucceeded(name, result, times),
      failed: (error) => this.#fail(name, describe(error)),
      isWaitedFor: () => this.#isBehindWanted(name),
    });
    this.#watches.add(name, watch);
  }

  /** It is no node of ours any more. */
  #remove(name: string): void {
    this.#watches.remove(name);
    this.#history.leave(name, { nowMs: this.#sources.nowMs(), keptMs: this.#settings.homesKeptMs });
  }

  #judge(node: NodeSnapshot, answer: ProbeResult): RoleVerdict {
    const { primary } = this.topology;
    return judgeRole(node, answer, { primary, timeline: this.#history.timeline });
  }

  #probeSucceeded(name: string, answer: ProbeResult, times: { startedMs: number; endedMs: number }): void {
    const asked = this.#nodes.find(name);
    if (asked === undefined) return;
    const { position } = answer;
    if (position === undefined) return this.#fail(name, 'it told no position');
    const verdict = this.#judge(asked, answer);
    if (verdict.kind === 'refused') return this.#fail(name, verdict.problem);
    if (verdict.kind === 'promoted') this.#promote(name, position);
    const isPrimary = this.topology.primary.name === name;
    if (isPrimary) {
      if (verdict.kind === 'as-expected' && this.#history.isAnother(answer, asked.position))
        this.#partHistories(position, this.topology);
      this.#history.observe({ ...answer, position }, times.startedMs);
    } else if (!this.#history.areReached(name, position, asked.position)) {
      return this.#fail(name, NOT_REACHED);
    }
    this.#replace({
      ...(this.#nodes.find(name) ?? asked),
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
    const before = this.topology;
    const left = this.#nodes.promote(name);
    this.#partHistories(position, before);
    if (left !== undefined) this.#remove(left);
    for (const listener of this.#promotionListeners) listener(name);
  }

  /** From here on the primary's history is another one than that which the nodes `before` had. */
  #partHistories(position: Position, before: Topology): void {
    const { primary, replicas } = this.topology;
    this.#history.part(position, [before.primary, ...before.replicas], replicas);
    for (const node of replicas) {
      this.#replace({ ...node, freshAsOfMs: undefined });
      this.#fail(
        node.name,
        `${primary.name} began another history: it has to pass all that was known before`,
      );
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
    const node = this.#nodes.find(name);
    if (node !== undefined) this.#replace({ ...node, health: 'down', problem });
  }

  #replace(node: NodeSnapshot): void {
    const before = this.#nodes.find(node.name)?.health;
    this.#nodes.replace(node);
    if (before !== undefined && before !== node.health) this.#announce(node, before);
  }

  #isBehindWanted(name: string): boolean {
    const node = this.#nodes.find(name);
    if (this.#wanted === undefined || node?.role !== 'replica') return false;
    return node.health === 'up' && (node.position ?? 0n) < this.#wanted;
  }
}

const NOT_REACHED =
  'it has to pass what was shown before: it went back, is another server than before, or its history may have parted ' +
  'from the primary';

function describe(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'message' in error && error.message !== '') {
    return String(error.message);
  }
  return typeof error === 'object' && error !== null && 'code' in error
    ? String(error.code)
    : 'unknown error';
}
