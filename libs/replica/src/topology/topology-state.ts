import type { Position } from '../session/position.js';
import type { ChangedNodes } from './changed-nodes.js';
import { judgeRole, type RoleVerdict } from './judge-role.js';
import { judgeLag } from './judge-lag.js';
import { Listeners } from './listeners.js';
import type { MonitorEvents } from './monitor-events.js';
import type { MonitorSettings, MonitorSources } from './monitor-settings.js';
import { NodeList } from './node-list.js';
import type { ProbeResult } from './node-probe.js';
import { NodeStanding } from './node-standing.js';
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
  readonly #standings = new Map<string, NodeStanding>();
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
    const { primary, replicas } = this.topology;
    const { timeline, server } = this.#history;
    return judgeRole(node, answer, { primary, replicas, timeline, server });
  }

  /** From now on these are the replicas of the configuration. Throws a `TypeError` where names are not unique. */
  setReplicas(nodes: readonly WatchedNode[]): ChangedNodes {
    const change = this.#nodes.setReplicas(nodes);
    for (const name of change.removed) this.#forget(name);
    for (const { name } of change.added) this.#history.join(name);
    const { topology } = this;
    const { removed } = change;
    const added = change.added.map(({ name }) => name);
    if (added.length + removed.length + change.relabelled.length > 0)
      this.events.emit('topology:changed', { topology, because: 'configuration', added, removed });
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
  failed(name: string, problem: string, told: Told = {}): void {
    const node = this.#nodes.find(name);
    if (node === undefined) return;
    if (node.health === 'down') this.#standing(name).failedAgain();
    else this.#standing(name).fell();
    this.#replace({ ...node, ...told, health: 'down', problem });
  }

  /** Something that began at `sinceMs` tells of the time before the node went down or came back last. */
  isOutdated(name: string, sinceMs: number): boolean {
    return this.#standings.get(name)?.isOutdated(sinceMs) ?? false;
  }

  /** A node answered. Says whether it is a server that may answer at its address. */
  answered(name: string, answer: ProbeResult, times: ProbeTimes): boolean {
    const asked = this.#nodes.find(name);
    if (asked === undefined) return true;
    const verdict = this.judge(asked, answer);
    this.events.together(() => this.#take(asked, verdict, { answer, times }));
    return verdict.kind !== 'refused' && verdict.kind !== 'conflict';
  }

  #take(
    asked: NodeSnapshot,
    verdict: RoleVerdict,
    { answer, times }: { answer: ProbeResult; times: ProbeTimes },
  ): void {
    const { name } = asked;
    if (verdict.kind !== 'conflict') this.#conflicts.delete(name);
    if (verdict.kind === 'refused') return this.failed(name, verdict.problem, toldBy(answer));
    if (verdict.kind === 'conflict') return this.#fence(name, verdict.problem, answer);
    if (answer.problem !== undefined) return this.failed(name, answer.problem, toldBy(answer));
    const isPromoted = verdict.kind === 'promoted';
    if (answer.position === undefined && (isPromoted || answer.minLagMs === undefined))
      return this.failed(name, 'it told no position', toldBy(answer));
    if (isPromoted || asked.role === 'primary') this.#takeOfPrimary(asked, answer, times);
    else this.#takeOfReplica(asked, answer, times);
  }

  #takeOfPrimary(asked: NodeSnapshot, answer: ProbeResult, { startedMs, endedMs }: ProbeTimes): void {
    const before = this.topology;
    const isPromoted = asked.role === 'replica';
    const left = isPromoted ? this.#nodes.promote(asked.name) : undefined;
    const isAnother = isPromoted || this.#history.isAnother(answer, asked.position);
    if (isAnother) this.#partHistories(answer, before);
    this.#history.observe(answer, startedMs);
    this.#serves({
      ...(this.#nodes.find(asked.name) ?? asked),
      ...toldBy(answer),
      position: answer.position,
      freshAsOfMs: startedMs,
      lagMs: this.#history.lagMs(answer.position, endedMs),
      roundTripMs: endedMs - startedMs,
      isLagging: false,
      isTooOld: false,
    });
    this.#dateReplicas(endedMs);
    if (isAnother) this.#primaryChanged(before.primary, left);
  }

  #takeOfReplica(asked: NodeSnapshot, answer: ProbeResult, { startedMs, endedMs }: ProbeTimes): void {
    const { name } = asked;
    const { position, minLagMs } = answer;
    if (!this.#history.areReached(name, answer, asked.position))
      return this.failed(name, NOT_REACHED, toldBy(answer));
    this.#history.limitFreshness(name, minLagMs === undefined ? undefined : startedMs - minLagMs);
    const measuredMs = this.#history.lagMs(position, endedMs);
    const lagMs =
      minLagMs === undefined || (position !== undefined && measuredMs === undefined)
        ? measuredMs
        : Math.max(measuredMs ?? 0, minLagMs);
    const node: NodeSnapshot = {
      ...asked,
      ...toldBy(answer),
      position,
      freshAsOfMs: this.#history.freshAsOf(name, position),
      lagMs,
      roundTripMs: endedMs - startedMs,
      ...judgeLag(asked, { lagMs, nowMs: endedMs }, this.#settings),
    };
    const trialMs = asked.health === 'down' ? this.#standing(name).trialMs() : 0;
    if (trialMs === 0) this.#serves(node);
    else this.#replace({ ...node, problem: onTrial(this.#standing(name).falls, trialMs) });
    this.#tellLag(asked, node);
  }

  #tellLag({ isLagging: was = false }: NodeSnapshot, { name, isLagging: is = false }: NodeSnapshot): void {
    const node = this.#nodes.find(name);
    if (node !== undefined && was !== is) this.events.emit(is ? 'lag:high' : 'lag:ok', node);
  }

  /** It is fine. */
  #serves(node: NodeSnapshot): void {
    if (this.#nodes.find(node.name)?.health === 'down') this.#standing(node.name).returned();
    this.#replace({ ...node, health: 'up', problem: undefined });
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
  #fence(name: string, problem: string, answer: ProbeResult): void {
    // What the primary is known to write on stays known of it: it is what the older server is fenced by.
    const isPrimary = this.topology.primary.name === name;
    this.failed(name, problem, isPrimary ? {} : toldBy(answer));
    const node = this.#nodes.find(name);
    if (node === undefined || this.#conflicts.has(name)) return;
    this.#conflicts.add(name);
    const { primary } = this.topology;
    const primaryTimeline = this.#history.timeline;
    this.events.emit('primary:conflict', { node, primary, timeline: answer.timeline, primaryTimeline });
  }

  /** From this answer on the primary's history is another one than that which the nodes `before` had. */
  #partHistories(answer: ProbeResult, before: Topology): void {
    const { primary, replicas } = this.topology;
    this.#history.part(answer, [before.primary, ...before.replicas], replicas);
    const problem = `${primary.name} began another history: it has to pass all that was known before`;
    for (const node of replicas) {
      this.#standing(node.name).wasTakenDown();
      this.#replace({ ...node, freshAsOfMs: undefined, health: 'down', problem });
    }
  }

  /** What a replica had replayed may be all that the primary has: then it is as fresh as the primary's sample. */
  #dateReplicas(nowMs: number): void {
    this.#nodes.replaceReplicas((node) => {
      const { name, position } = node;
      const freshAsOfMs = this.#history.freshAsOf(name, position);
      if (position === undefined || freshAsOfMs === node.freshAsOfMs) return node;
      return { ...node, freshAsOfMs, lagMs: node.lagMs ?? this.#history.lagMs(position, nowMs) };
    });
  }

  /** It is no node of ours any more. */
  #forget(name: string): void {
    this.#conflicts.delete(name);
    this.#standings.delete(name);
    this.#history.leave(name, { nowMs: this.#sources.nowMs(), keptMs: this.#settings.homesKeptMs });
  }

  #standing(name: string): NodeStanding {
    const known = this.#standings.get(name);
    if (known !== undefined) return known;
    const standing = new NodeStanding(this.#settings, this.#sources);
    this.#standings.set(name, standing);
    return standing;
  }

  #replace(node: NodeSnapshot): void {
    const before = this.#nodes.find(node.name)?.health;
    this.#nodes.replace(node);
    if (before === undefined || before === node.health || node.health === 'unknown') return;
    this.events.emit(`node:${node.health}`, { node, before });
  }
}

/** What a node says of itself, whether it may serve or not. */
type Told = Partial<Pick<NodeSnapshot, 'timeline' | 'receiver'>>;

function toldBy({ timeline, receiver }: ProbeResult): Told {
  return { timeline, receiver };
}

function onTrial(falls: number, trialMs: number): string {
  return (
    `it answers again, but went down ${falls + 1} times, each soon after the other: it serves when it has answered ` +
    `without fail for ${Math.ceil(trialMs)} ms more`
  );
}
