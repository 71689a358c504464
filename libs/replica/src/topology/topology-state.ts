import type { RoleVerdict } from './judge-role.js';
import { judgeLag, lagByBoth } from './judge-lag.js';
import { Listeners } from './listeners.js';
import type { MonitorEvents } from './monitor-events.js';
import type { MonitorSettings, MonitorSources } from './monitor-settings.js';
import type { NodeIdentities } from './node-identities.js';
import { NodeJudge } from './node-judge.js';
import { NodeList, type ChangedNodes } from './node-list.js';
import {
  selfDescriptionOf,
  type ProbeResult,
  type ProbeTimes,
  type SelfDescription,
  type WatchedNode,
} from './node-probe.js';
import { NodeStanding } from './node-standing.js';
import { PrimaryHistory } from './primary-history.js';
import type { NodeSnapshot, Topology } from './topology.js';

const ANOTHER_CLUSTER = 'it is of another database cluster than the primary';
const RENEWED = 'it was started anew, or another server is at its address';
const BEYOND = 'it is ahead of the primary: it follows another server';

/**
 * Works out what follows from each answer, failure and change of the configuration: a new topology, and the events that tell how
 * it changed. It does no I/O and has no timers.
 */
export class TopologyState {
  readonly events: Listeners<MonitorEvents>;
  readonly history = new PrimaryHistory();
  readonly judge: NodeJudge;
  readonly #nodes: NodeList;
  /** By name. A node to which nothing has happened yet has none. */
  readonly #standings = new Map<string, NodeStanding>();
  /** Names of the nodes at whose address a server of another cluster answers. */
  readonly #foreign = new Set<string>();
  readonly #settings: MonitorSettings;
  readonly #sources: MonitorSources;

  /** @param sources `changed` is called after each change of the topology */
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
    const { terms } = settings;
    this.judge = new NodeJudge({ nodes: this.#nodes, history: this.history, terms, nowMs });
  }

  get topology(): Topology {
    return this.#nodes.topology;
  }

  find(name: string): NodeSnapshot | undefined {
    return this.#nodes.find(name);
  }

  get identities(): NodeIdentities {
    return this.judge.identities;
  }

  isOutdated(name: string, sinceMs: number): boolean {
    return this.#standings.get(name)?.isOutdated(sinceMs) ?? false;
  }

  /** Replaces the configured replicas. Throws a `TypeError` if names are not unique. */
  setReplicas(nodes: readonly WatchedNode[]): ChangedNodes {
    const change = this.#nodes.setReplicas(nodes);
    for (const name of change.removed) this.#forget(name);
    for (const { name } of change.added) this.judge.join(name);
    const { topology } = this;
    const { removed } = change;
    const added = change.added.map(({ name }) => name);
    if (added.length + removed.length + change.relabelled.length > 0)
      this.events.emit('topology:changed', { topology, because: 'configuration', added, removed });
    return change;
  }

  setDraining(name: string, isDraining: boolean): void {
    const node = this.#nodes.find(name);
    if (node === undefined || (node.isDraining ?? false) === isDraining) return;
    this.#nodes.replace({ ...node, isDraining });
    const { topology } = this;
    this.events.emit('topology:changed', { topology, because: 'draining', added: [], removed: [] });
  }

  /** A node did not answer, or may not serve. */
  failed(name: string, problem: string, description: SelfDescription = {}): void {
    const node = this.#nodes.find(name);
    if (node === undefined) return;
    this.identities.heard(name);
    const standing = this.#standingOf(name);
    if (node.health === 'down') standing.failedAgain();
    else standing.wentDown();
    this.#replace({ ...node, ...description, health: 'down', problem });
  }

  /** A node answered. Returns whether the server is one that may answer at its address. */
  answered(name: string, answer: ProbeResult, times: ProbeTimes): boolean {
    const known = this.#nodes.find(name);
    if (known === undefined) return true;
    const verdict = this.judge.verdictOn(known, answer);
    this.events.together(() => {
      // Connections to the former server have to be cut, whatever the verdict on the new one.
      const isRenewed = this.judge.noteServer(known, answer, times.endedMs);
      if (isRenewed && known.health === 'up') this.failed(name, RENEWED);
      this.#applyVerdict(known, verdict, { answer, times });
    });
    return verdict.kind === 'as-expected' || verdict.kind === 'promoted';
  }

  #applyVerdict(
    known: NodeSnapshot,
    verdict: RoleVerdict,
    { answer, times }: { answer: ProbeResult; times: ProbeTimes },
  ): void {
    const { name } = known;
    if (this.judge.isUndecided(known, verdict, answer, times.endedMs)) return;
    if (verdict.kind !== 'conflict') this.identities.rivals.delete(name);
    if (verdict.kind !== 'foreign') this.#foreign.delete(name);
    if (verdict.kind === 'refused') return this.failed(name, verdict.problem, selfDescriptionOf(answer));
    if (verdict.kind === 'foreign') return this.#expel(name, verdict.problem, answer);
    if (verdict.kind === 'conflict') return this.#fence(name, verdict.problem, answer);
    if (this.identities.servers.admit(name))
      this.events.emit('server:changed', { name, identity: answer.identity });
    if (answer.problem !== undefined) return this.failed(name, answer.problem, selfDescriptionOf(answer));
    const isPromoted = verdict.kind === 'promoted';
    if (answer.position === undefined && (isPromoted || answer.minLagMs === undefined))
      return this.failed(name, 'it told no position', selfDescriptionOf(answer));
    if (isPromoted || known.role === 'primary') this.#applyPrimaryAnswer(known, answer, times);
    else this.#applyReplicaAnswer(known, answer, times);
  }

  #applyPrimaryAnswer(known: NodeSnapshot, answer: ProbeResult, { startedMs, endedMs }: ProbeTimes): void {
    const before = this.topology;
    const isPromoted = known.role === 'replica';
    const left = isPromoted ? this.#nodes.promote(known.name) : undefined;
    const isAnother = isPromoted || this.history.isAnotherServer(answer, known.position, startedMs);
    if (isAnother) this.#partHistories(answer, before);
    this.history.observe(answer, startedMs);
    this.identities.servers.noteMember(known.name, answer, endedMs);
    for (const name of this.identities.primaryAnswered(answer)) this.failed(name, ANOTHER_CLUSTER);
    this.#markUp({
      ...(this.#nodes.find(known.name) ?? known),
      ...selfDescriptionOf(answer),
      position: answer.position,
      freshAsOfMs: startedMs,
      lagMs: this.history.lagMs(answer.position, endedMs),
      roundTripMs: endedMs - startedMs,
      isLagging: false,
      isTooOld: false,
    });
    this.#refreshReplicas(endedMs);
    for (const { name, health } of this.topology.replicas)
      if (this.judge.doubtIfAhead(name) && health === 'up') this.failed(name, BEYOND);
    if (isAnother) this.#primaryChanged(before.primary, left);
  }

  #applyReplicaAnswer(known: NodeSnapshot, answer: ProbeResult, { startedMs, endedMs }: ProbeTimes): void {
    const { name } = known;
    const { position, minLagMs } = answer;
    const objection = this.judge.objectionTo(known, answer, endedMs);
    if (objection?.kind === 'wait') return;
    if (objection !== undefined) return this.failed(name, objection.problem, selfDescriptionOf(answer));
    this.history.limitFreshness(name, minLagMs === undefined ? undefined : startedMs - minLagMs);
    const lagMs = lagByBoth(answer, this.history.lagMs(position, endedMs));
    const node: NodeSnapshot = {
      ...known,
      ...selfDescriptionOf(answer),
      position,
      freshAsOfMs: this.history.freshAsOf(name, position),
      lagMs,
      roundTripMs: endedMs - startedMs,
      ...judgeLag(known, { lagMs, nowMs: endedMs }, this.#settings),
    };
    const standing = this.#standingOf(name);
    const trialMs = known.health === 'down' ? standing.trialMs() : 0;
    if (trialMs === 0) this.#markUp(node);
    else this.#replace({ ...node, problem: standing.describeTrial(trialMs) });
    this.#emitLagChange(known, node);
  }

  #emitLagChange(
    { isLagging: was = false }: NodeSnapshot,
    { name, isLagging: is = false }: NodeSnapshot,
  ): void {
    const node = this.#nodes.find(name);
    if (node !== undefined && was !== is) this.events.emit(is ? 'lag:high' : 'lag:ok', node);
  }

  #markUp(node: NodeSnapshot): void {
    if (this.#nodes.find(node.name)?.health === 'down') this.#standingOf(node.name).returned();
    this.#replace({ ...node, health: 'up', problem: undefined });
  }

  /** Another server is the primary now. `left`: the name of the former primary, if it is no node of ours any more. */
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

  /** The node accepts writes although it must not. It gets no statements, and one event tells of it. */
  #fence(name: string, problem: string, answer: ProbeResult): void {
    // The primary keeps its known epoch, because the older server is fenced by it.
    const isPrimary = this.topology.primary.name === name;
    this.failed(name, problem, isPrimary ? {} : selfDescriptionOf(answer));
    this.identities.servers.refuse(name, problem);
    const node = this.#nodes.find(name);
    const isKnown = this.identities.rivals.has(name);
    this.identities.rivals.set(name, answer.epoch);
    if (node === undefined || isKnown) return;
    const { epoch: primaryEpoch } = this.history;
    const { primary } = this.topology;
    this.events.emit('primary:conflict', { node, primary, epoch: answer.epoch, primaryEpoch });
  }

  /** The node belongs to another database cluster. It gets no statements, and one event tells of it. */
  #expel(name: string, problem: string, answer: ProbeResult): void {
    this.identities.servers.refuse(name, problem);
    const isKnown = this.#foreign.has(name);
    this.#foreign.add(name);
    this.failed(name, problem);
    const node = this.#nodes.find(name);
    if (node === undefined || isKnown) return;
    this.events.emit('node:foreign', {
      node,
      system: answer.identity?.system,
      primarySystem: this.identities.system,
    });
  }

  /** The primary's history is another one from this answer on. `before`: all nodes as they were known until then. */
  #partHistories(answer: ProbeResult, before: Topology): void {
    const { primary, replicas } = this.topology;
    this.judge.part(answer, before);
    const problem = `${primary.name} began another history: it has to pass all that was known before`;
    for (const node of replicas) {
      this.#standingOf(node.name).wasTakenDown();
      this.#replace({ ...node, freshAsOfMs: undefined, health: 'down', problem });
    }
  }

  /** Dates the replicas anew: one that has replayed all that the primary has is as fresh as the primary's sample. */
  #refreshReplicas(nowMs: number): void {
    this.#nodes.replaceReplicas((node) => {
      const { name, position } = node;
      // It may yet turn out to follow another server.
      if (this.history.awaitsPrimary(name)) return node;
      const freshAsOfMs = this.history.freshAsOf(name, position);
      if (position === undefined || freshAsOfMs === node.freshAsOfMs) return node;
      return { ...node, freshAsOfMs, lagMs: node.lagMs ?? this.history.lagMs(position, nowMs) };
    });
  }

  #standingOf(name: string): NodeStanding {
    let standing = this.#standings.get(name);
    if (standing === undefined) {
      standing = new NodeStanding(this.#settings, this.#sources);
      this.#standings.set(name, standing);
    }
    return standing;
  }

  #forget(name: string): void {
    this.judge.forget(name);
    this.#foreign.delete(name);
    this.#standings.delete(name);
    this.history.leave(name, { nowMs: this.#sources.nowMs(), keptMs: this.#settings.homesKeptMs });
  }

  #replace(node: NodeSnapshot): void {
    const before = this.#nodes.find(node.name)?.health;
    this.#nodes.replace(node);
    if (before === undefined || before === node.health || node.health === 'unknown') return;
    this.events.emit(`node:${node.health}`, { node, before });
  }
}
