import { laterPosition, type Position } from '../session/position.js';
import { ConditionWaiters } from './condition-waiters.js';
import type { MonitorEvents, TopologyChange } from './monitor-events.js';
import type { MonitorSettings, MonitorSources } from './monitor-settings.js';
import type { ProbeResult, ServerIdentity, WatchedNode } from './node-probe.js';
import { NodeWatch } from './node-watch.js';
import { ProbePaces, type OwnPaceReasons, type PaceReasons } from './probe-pace.js';
import { TopologyState } from './topology-state.js';
import type { NodeSnapshot, Topology } from './topology.js';

/** What {@link TopologyMonitor.waitUntil} waits for. */
interface ReplayWait {
  readonly position: Position;
  readonly timeoutMs: number;
  /** Which replicas are waited for. Default: all. */
  readonly isMeant?: (node: NodeSnapshot) => boolean;
}

/**
 * Watches the nodes, each in a loop of its own on its own connection, and keeps the topology as an immutable snapshot.
 *
 * It fails closed: a node that does not answer in time, answers nonsense or has the wrong role is `down` until a later
 * probe succeeds.
 */
export class TopologyMonitor {
  readonly #state: TopologyState;
  readonly #watches = new Map<string, NodeWatch>();
  /** Probes and watches that are ending now. */
  readonly #ending = new Set<Promise<void>>();
  readonly #waiters = new ConditionWaiters();
  readonly #settings: MonitorSettings;
  readonly #sources: MonitorSources;
  readonly #paces: ProbePaces;
  #wanted: Position | undefined;
  #lastCapture: { readonly probing: Promise<ProbeResult>; readonly position: Promise<Position> } | undefined;
  #waitingForPrimary = 0;
  #isStarted = false;
  #probedAtMs: number | undefined;

  constructor(nodes: readonly WatchedNode[], settings: MonitorSettings, sources: MonitorSources) {
    this.#settings = settings;
    this.#sources = sources;
    this.#state = new TopologyState(nodes, settings, { ...sources, changed: () => this.#waiters.check() });
    this.#paces = new ProbePaces(settings);
    this.#react();
    for (const node of nodes) this.#watch(node);
  }

  /** The current topology. It is frozen, and each change replaces it as a whole with a higher version. */
  get topology(): Topology {
    return this.#state.topology;
  }

  /** When the last probe of any node ended, in milliseconds of the monotonic clock; `undefined` before the first. */
  get probedAtMs(): number | undefined {
    return this.#probedAtMs;
  }

  /** Starts to watch. Does not wait for any node. */
  start(): void {
    this.#isStarted = true;
    for (const watch of this.#watches.values()) watch.start();
  }

  /** Ends all loops and connections, and resolves what callers wait for. */
  async stop(): Promise<void> {
    this.#isStarted = false;
    this.#waiters.end();
    await Promise.all([...this.#ending, ...Array.from(this.#watches.values(), (watch) => watch.stop())]);
  }

  /** Calls `listener` at each event, after the topology has changed. The returned function stops that. A listener may fail. */
  on<E extends keyof MonitorEvents>(event: E, listener: (...args: MonitorEvents[E]) => unknown): () => void {
    return this.#state.events.on(event, listener);
  }

  /**
   * Replaces the configured replicas. The topology tells the former ones as `formerHomes` for a while.
   *
   * - A node with the same name and address keeps its probe, and the given one is closed.
   * - A new node serves once it has been probed.
   * - The current primary stays, and so does the configured primary.
   *
   * Returns what came and went. Throws a `TypeError` and changes nothing if names are not unique, or taken by the
   * configured primary.
   */
  setReplicas(nodes: readonly WatchedNode[]): Pick<TopologyChange, 'added' | 'removed'> {
    const { added, removed } = this.#state.setReplicas(nodes);
    for (const node of added) this.#watch(node);
    for (const node of nodes) if (!added.includes(node)) this.#endSoon(node.probe.close());
    return { added: added.map(({ name }) => name), removed };
  }

  /** Stops new reads on a node, or lets it have reads again. Does nothing if there is no node with this name. */
  setDraining(nodeName: string, isDraining: boolean): void {
    this.#state.setDraining(nodeName, isDraining);
  }

  /**
   * The position of a node, read after this call began. On the primary it therefore covers every write that has completed. Callers
   * share probes. Rejects if the node does not answer or tells no position.
   */
  capturePosition(nodeName: string): Promise<Position> {
    return this.#positionOf(nodeName, this.#watches.get(nodeName)?.probes.request());
  }

  /**
   * Like {@link capturePosition}, for a position that nobody waits for yet, so it may be read a little later, once for many
   * callers. Sessions will wait for it, so replicas are probed for it as by {@link expect}.
   */
  capturePositionSoon(nodeName: string): Promise<Position> {
    const probing = this.#watches.get(nodeName)?.probes.requestSoon();
    if (probing !== undefined && this.#lastCapture?.probing === probing) return this.#lastCapture.position;
    const position = this.#positionOf(nodeName, probing).then((it) => {
      this.expect(it);
      // A promise that is kept may keep its first caller alive.
      if (this.#lastCapture?.probing === probing) this.#lastCapture = undefined;
      return it;
    });
    this.#lastCapture = probing === undefined ? undefined : { probing, position };
    return position;
  }

  /** Reads the position of {@link capturePositionSoon} at once, because somebody waits for it. */
  hurryPosition(nodeName: string): void {
    this.#watches.get(nodeName)?.probes.hurry();
  }

  /**
   * Accepts a position that the node told somebody else, with the effect of {@link capturePositionSoon}. `undefined`: it told no
   * position, or the node is not to be believed.
   */
  acceptPosition(nodeName: string, told: ProbeResult): Position | undefined {
    const node = this.#state.find(nodeName);
    const identity = this.#state.identities.servers.identityOf(nodeName);
    if (node === undefined || 'problem' in this.#state.judge.verdictOn(node, { identity, ...told }))
      return undefined;
    if (told.position !== undefined) this.expect(told.position);
    return told.position;
  }

  /**
   * Somebody else is about to ask the node for its position. Whoever has called {@link capturePositionSoon} by now, and is in no
   * hurry, gets that answer: call the returned function with it, or with `undefined` if it cannot be relied on. Returns
   * `undefined` if nobody waits.
   */
  shareAnswer(nodeName: string): ((told: ProbeResult | undefined) => void) | undefined {
    const share = this.#watches.get(nodeName)?.probes.replaceNext();
    if (share === undefined) return undefined;
    return (told) => {
      const identity = this.#state.identities.servers.identityOf(nodeName);
      share(told === undefined ? undefined : { identity, ...told });
    };
  }

  async #positionOf(nodeName: string, probing: Promise<ProbeResult> | undefined): Promise<Position> {
    const result = await probing;
    const node = this.#state.find(nodeName);
    if (result === undefined || node === undefined) throw new TypeError(`there is no node named ${nodeName}`);
    const problem = this.#state.judge.objectionToPosition(node, result);
    if (problem !== undefined) throw new TypeError(`${nodeName}: ${problem}`);
    if (result.position === undefined) throw new TypeError(`${nodeName} told no position`);
    return result.position;
  }

  /** Probes replicas more often until all that are up have replayed `position`, because a session needs it. */
  expect(position: Position): void {
    this.#wanted = laterPosition(this.#wanted, position);
    for (const replica of this.topology.replicas) {
      if (this.#isBehindWanted(replica)) this.#watches.get(replica.name)?.hurry();
    }
  }

  /**
   * Waits until a replica that is up (the one with this name, if given) has replayed `position`. Resolves to `true` then, and to
   * `false` after `timeoutMs` or once there is no replica with this name. Never rejects.
   */
  async waitForReplica(position: Position, timeoutMs: number, name?: string): Promise<boolean> {
    const isMeant = (node: NodeSnapshot): boolean => name === undefined || node.name === name;
    const isThere = ({ replicas }: Topology): boolean =>
      replicas.some((node) => node.health === 'up' && (node.position ?? 0n) >= position && isMeant(node));
    const isGone = (): boolean => name !== undefined && this.#state.find(name) === undefined;
    await this.waitUntil((topology) => isThere(topology) || isGone(), { position, timeoutMs, isMeant });
    return isThere(this.topology);
  }

  /**
   * Waits until the topology `holds` something that comes with the replay of `position`: replicas that lack it (those that are
   * meant, if told) are probed more often. Resolves at the latest after `timeoutMs`. Never rejects.
   */
  async waitUntil(
    holds: (topology: Topology) => boolean,
    { position, timeoutMs, isMeant = () => true }: ReplayWait,
  ): Promise<void> {
    this.expect(position);
    for (const node of this.topology.replicas)
      if (isMeant(node) && (node.position ?? 0n) < position)
        this.#watches.get(node.name)?.awaitPosition(position, timeoutMs);
    await this.#waiters.until(() => holds(this.topology), timeoutMs);
  }

  /**
   * Waits until the primary, or a node that has become the primary, is up. Resolves to `false` after `timeoutMs`, and never
   * rejects. It probes all nodes at once, and more often while somebody waits.
   */
  async waitForPrimary(timeoutMs: number): Promise<boolean> {
    const isUp = (): boolean => this.topology.primary.health === 'up';
    if (isUp()) return true;
    this.#waitingForPrimary++;
    this.#hurryAll();
    await this.#waiters.until(isUp, timeoutMs);
    this.#waitingForPrimary--;
    return isUp();
  }

  /**
   * A statement lost its connection to the node, so the node is probed at once. `sinceMs`: when the statement or its connection
   * began. If the node has gone down or come back since, nothing happens.
   */
  doubt(nodeName: string, sinceMs = Infinity): void {
    if (this.#isCredible(nodeName, sinceMs)) this.#watches.get(nodeName)?.doubt();
  }

  /**
   * A statement got no connection to the node, so the node is down until a probe that begins now says otherwise. `sinceMs`: as
   * for {@link doubt}.
   */
  suspect(nodeName: string, problem: string, sinceMs = Infinity): void {
    if (!this.#isCredible(nodeName, sinceMs)) return;
    // The address may lead to another server by now, or to none.
    const watch = this.#watches.get(nodeName);
    watch?.reconnect();
    watch?.doubt();
    this.#state.failed(nodeName, problem);
  }

  /** Why a new connection to this server may not be used for the node; `undefined`: it may. */
  objectionTo(nodeName: string, identity: ServerIdentity | undefined): string | undefined {
    return this.#state.identities.objectionTo(nodeName, identity);
  }

  /** The server that last answered at the node's address; `undefined`: none did, or it does not tell. */
  identityOf(nodeName: string): ServerIdentity | undefined {
    return this.#state.identities.servers.identityOf(nodeName);
  }

  /** Asks the node, on a new connection of the monitor's own, which server it is. Never rejects. */
  async meetAnew(nodeName: string): Promise<void> {
    const watch = this.#watches.get(nodeName);
    watch?.reconnect();
    await watch?.probes.request().catch(() => undefined);
  }

  /** Until a primary has answered, every node has to belong to this cluster. `system`: its identifier, if servers tell it. */
  presumeSystem(system: string | undefined): void {
    this.#state.identities.presumeSystem(system);
  }

  /** A position that covers everything that anyone can have seen by this instant; `undefined` while none is known. */
  primaryPositionAtOrAfter(atMs: number): Position | undefined {
    return this.#state.history.positionAtOrAfter(atMs);
  }

  #watch({ name, probe }: WatchedNode): void {
    const watch = new NodeWatch(probe, this.#settings, this.#sources, {
      succeeded: (result, times) => {
        this.#probedAtMs = times.endedMs;
        // The right server may be back at the address by now, and the connection to this one would never show it.
        if (!this.#state.answered(name, result, times)) probe.reconnect();
        this.#askForAwaited(name);
      },
      failed: (error) => {
        this.#probedAtMs = this.#sources.nowMs();
        this.#state.failed(name, describe(error));
      },
      pace: (own) => this.#paces.choose(this.#paceReasons(name, own)),
    });
    this.#watches.set(name, watch);
    if (this.#isStarted) watch.start();
  }

  /** Lets {@link stop} wait for something that is ending. Its failure concerns nobody. */
  #endSoon(ending: Promise<void>): void {
    const ended = ending.catch(() => undefined).finally(() => void this.#ending.delete(ended));
    this.#ending.add(ended);
  }

  /** Asks at once for what a replica waits for: the primary first, and then the replica again. */
  #askForAwaited(name: string): void {
    const { primary, replicas } = this.topology;
    if (name === primary.name) {
      for (const replica of replicas)
        if (this.#state.judge.isAwaited(replica.name)) this.#watches.get(replica.name)?.hurry();
    } else if (this.#state.judge.isAwaited(primary.name)) this.#watches.get(primary.name)?.hurry();
  }

  /** Each write asks. */
  #paceReasons(name: string, { isSilent, isInDoubt }: OwnPaceReasons): PaceReasons {
    const { primary, replicas } = this.topology;
    return {
      isSilent,
      isInDoubt,
      isWaitedFor: this.#isBehindWanted(this.#state.find(name)) || this.#state.judge.isAwaited(name),
      isPrimaryAway: primary.health === 'down',
      isPrimaryWaitedFor: this.#waitingForPrimary > 0,
      isReplicaUp: isSilent && replicas.some((node) => node.health === 'up'),
    };
  }

  /** Registers what the monitor itself does at its events. It is the first listener. */
  #react(): void {
    this.on('topology:changed', ({ removed }) => {
      for (const name of removed) {
        const watch = this.#watches.get(name);
        this.#watches.delete(name);
        if (watch !== undefined) this.#endSoon(watch.stop());
      }
    });
    this.on('node:down', ({ node }) => {
      // A replica may have been promoted.
      if (node.role === 'primary') this.#hurryAll();
    });
    this.on('node:up', ({ node, before }) => {
      // The cause that took this node down may have taken others down, too, and may be over.
      if (before !== 'down') return;
      for (const [name, watch] of this.#watches) {
        if (name !== node.name && this.#state.find(name)?.health === 'down') watch.retry();
      }
    });
  }

  #hurryAll(): void {
    for (const watch of this.#watches.values()) watch.hurry();
  }

  /** Without a started watch, nobody would ever find the node up again. */
  #isCredible(name: string, sinceMs: number): boolean {
    return this.#isStarted && !this.#state.isOutdated(name, sinceMs);
  }

  #isBehindWanted(node: NodeSnapshot | undefined): boolean {
    if (this.#wanted === undefined || node?.role !== 'replica') return false;
    return node.health === 'up' && (node.position ?? 0n) < this.#wanted;
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
