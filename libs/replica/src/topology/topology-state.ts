import type { Position } from '../session/position.js';
import type { ChangedNodes } from './changed-nodes.js';
import { judgeRole, type RoleVerdict } from './judge-role.js';
import { Listeners } from './listeners.js';
import type { MonitorEvents } from './monitor-events.js';
import type { MonitorSettings, MonitorSources } from './monitor-settings.js';
import { NodeList } from './node-list.js';
import type { ProbeResult } from './node-probe.js';
import { PrimaryHistory } from './primary-history.js';
import type { NodeSnapshot, Topology } from './topology.js';
import type { WatchedNode } from './watched-node.js';

/** When a probe began and ended, in milliseconds of the monotonic clock. */
export interface ProbeTimes {
  readonly startedMs: number;
  readonly endedMs: number;
}

const NOT_REACHED =
  'it has to pass what was shown before: it went back, is another server than before, or its history may have parted ' +
  'from the primary';

/**
 * What follows from each answer, failure and change of the configuration: the topology, and the events that tell how it
 * changed. Does no I/O and has no timers.
 */
export class TopologyState {
  readonly events: Listeners<MonitorEvents>;
  readonly #nodes: NodeList;
  readonly #history = new PrimaryHistory();
  /** Nodes that accept writes and must not. */
  readonly #conflicts = new Set<string>();
  readonly #settings: MonitorSettings;
  readonly #sources: MonitorSources;

  /** `changed` is called after each change of the topology. */
  constructor(
    nodes: readonly WatchedNode[],
    settings: MonitorSettings,
    sources: MonitorSources & { readonly changed: () => void },
  ) {
    this.#settings = settings;
    this.#sources = sources;
    this.events = new Listeners((event, error) => sources.onListenerFailure?.(event, error));
    const { nowMs, changed } = sources;
    this.#nodes = new NodeList(nodes, { nowMs, changed, homesKeptMs: settings.homesKeptMs });
  }

  get topology(): Topology {
    return this.#nodes.topology;
  }

  /** What is known of a node; `undefined` when there is none of that name (any more). */
  find(name: string): NodeSnapshot | undefined {
    return this.#nodes.find(name);
  }

  /** A position that is above all that anyone can have seen by then; `undefined` while none is known. */
  positionAtOrAfter(atMs: number): Position | undefined {
    return this.#history.positionAtOrAfter(atMs);
  }

  /** What a node's answer means for its role. */
  judge(node: NodeSnapshot, answer: ProbeResult): RoleVerdict {
    const { primary } = this.topology;
    return judgeRole(node, answer, { primary, timeline: this.#history.timeline });
  }

  /** From now on these are the replicas of the configuration. Throws a `TypeError` where names are not unique. */
  setReplicas(nodes: readonly WatchedNode[]): ChangedNodes {
    const change = this.#nodes.setReplicas(nodes);
    for (const name of change.removed) this.#forget(name);
    for (const { name } of change.added) this.#history.join(name);
    const { topology } = this;
    const added = change.added.map(({ name }) => name);
    this.events.emit('topology:changed', { ...change, topology, because: 'configuration', added });
    return change;
  }

  /** Lets a node get no new reads, or again. */
  setDraining(name: string, isDraining: boolean): void {
    const node = this.#nodes.find(name);
    if (node === undefined || (node.isDraining ?? false) === isDraining) return;
    this.#nodes.replace({ ...node, isDraining });
    const { topology } = this;
    this.events.emit('topology:changed', { topology, because: 'draining', added: [], removed: [] });
  }

  /** A node did not answer, or may not serve. */
  failed(name: string, problem: string): void {
    const node = this.#nodes.find(name);
    if (node !== undefined) this.#replace({ ...node, health: 'down', problem });
  }

  /** A node answered. */
  answered(name: string, answer: ProbeResult, times: ProbeTimes): void {
    this.events.together(() => this.#take(name, answer, times));
  }

  #take(name: string, answer: ProbeResult, times: ProbeTimes): void {
    const asked = this.#nodes.find(name);
    if (asked === undefined) return;
    const { position } = answer;
    if (position === undefined) return this.failed(name, 'it told no position');
    const verdict = this.judge(asked, answer);
    if (verdict.kind !== 'conflict') this.#conflicts.delete(name);
    if (verdict.kind === 'refused') return this.failed(name, verdict.problem);
    if (verdict.kind === 'conflict') return this.#fence(name, verdict.problem, answer.timeline);
    const before = this.topology;
    const left = verdict.kind === 'promoted' ? this.#nodes.promote(name) : undefined;
    const isPrimary = this.topology.primary.name === name;
    const isAnother =
      verdict.kind === 'promoted' || (isPrimary && this.#history.isAnother(answer, asked.position));
    if (isAnother) this.#partHistories(position, before);
    if (isPrimary) this.#history.observe({ ...answer, position }, times.startedMs);
    else if (!this.#history.areReached(name, position, asked.position)) return this.failed(name, NOT_REACHED);
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
    if (isAnother) this.#primaryChanged(before.primary, left);
  }

  /** Another server is the primary now; `left`: the node that was it is none of ours any more. */
  #primaryChanged(before: NodeSnapshot, left: string | undefined): void {
    if (left !== undefined) this.#forget(left);
    const { topology } = this;
    const { primary } = topology;
    const because = primary.name === before.name ? 'another-server' : 'promotion';
    this.events.emit('primary:changed', { primary, before, because });
    if (because === 'another-server') return;
    const removed = left === undefined ? [] : [left];
    this.events.emit('topology:changed', { topology, because, added: [], removed });
  }

  /** It accepts writes and must not: gets nothing, and that is told once. */
  #fence(name: string, problem: string, timeline: number | undefined): void {
    this.failed(name, problem);
    const node = this.#nodes.find(name);
    if (node === undefined || this.#conflicts.has(name)) return;
    this.#conflicts.add(name);
    const { primary } = this.topology;
    const primaryTimeline = this.#history.timeline;
    this.events.emit('primary:conflict', { node, primary, timeline, primaryTimeline });
  }

  /** From here on the primary's history is another one than that which the nodes `before` had. */
  #partHistories(position: Position, before: Topology): void {
    const { primary, replicas } = this.topology;
    this.#history.part(position, [before.primary, ...before.replicas], replicas);
    for (const node of replicas) {
      this.#replace({ ...node, freshAsOfMs: undefined });
      this.failed(
        node.name,
        `${primary.name} began another history: it has to pass all that was known before`,
      );
    }
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

  /** It is no node of ours any more. */
  #forget(name: string): void {
    this.#conflicts.delete(name);
    this.#history.leave(name, { nowMs: this.#sources.nowMs(), keptMs: this.#settings.homesKeptMs });
  }

  #replace(node: NodeSnapshot): void {
    const before = this.#nodes.find(node.name)?.health;
    this.#nodes.replace(node);
    if (before === undefined || before === node.health || node.health === 'unknown') return;
    this.events.emit(`node:${node.health}`, { node, before });
  }
}
