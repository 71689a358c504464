import type { RequestContext } from '../context/request-context.js';
import { hasReplayed, mayServe } from '../routing/eligible-replicas.js';
import type { NotVisibleEvent, NotVisibleReason } from '../observability/router-events.js';
import type { Position } from '../session/position.js';
import type { NodeSnapshot, Topology } from '../topology/topology.js';
import type { Engine } from './engine.js';
import {
  assertVisibleOn,
  resolveVisibility,
  type VisibilityOptions,
  type VisibleOn,
} from './visibility-options.js';

/** A wait with all defaults. */
type Wait = Required<VisibilityOptions>;

/** Waits until what was written on the primary is visible on replicas. */
export class Visibility {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * Waits for what the request around the caller has written by now, or outside any request for all that was committed by now.
   * Resolves to whether it is visible. Rejects with an `InvalidReplicaOptionsError`.
   */
  async waitFor(given: VisibilityOptions): Promise<boolean> {
    const wait = resolveVisibility(given);
    const { contexts, options, hasReplicas } = this.#engine;
    const hasDiscovery = options.discovery !== undefined;
    const replicas = hasReplicas ? this.#topology.replicas.length : 0;
    assertVisibleOn(wait.on, hasDiscovery ? undefined : replicas, options);
    const request = contexts.current()?.request;
    const missed =
      request === undefined ? await this.#waitForAll(wait) : await this.waitForRequest(request, wait);
    return missed === undefined;
  }

  /** Waits for all that the request has written by now. Resolves to `undefined` if it is visible. Never rejects. */
  async waitForRequest(request: RequestContext, wait: Wait): Promise<NotVisibleEvent | undefined> {
    const { ledger } = request;
    const mayHaveWritten = ledger.writes > 0 || ledger.isUnconfirmed;
    if (!this.#engine.hasReplicas || !mayHaveWritten) return undefined;
    const sinceMs = performance.now();
    // Where the write was made. While its position is learned, another primary may take over.
    const { primary } = this.#topology;
    await request.writesCaptured();
    const isUnknown = ledger.isUncovered || ledger.isUnconfirmed;
    return this.#waitFor(isUnknown ? undefined : ledger.position, primary, { ...wait, sinceMs });
  }

  async #waitForAll(wait: Wait): Promise<NotVisibleEvent | undefined> {
    const { cluster, hasReplicas } = this.#engine;
    if (!hasReplicas) return undefined;
    const sinceMs = performance.now();
    const { primary } = this.#topology;
    const position = await cluster.monitor.capturePosition(primary.name).catch(() => undefined);
    return this.#waitFor(position, primary, { ...wait, sinceMs });
  }

  async #waitFor(
    position: Position | undefined,
    primary: NodeSnapshot,
    { on, timeoutMs, sinceMs }: Wait & { readonly sinceMs: number },
  ): Promise<NotVisibleEvent | undefined> {
    const miss = (because: NotVisibleReason): NotVisibleEvent =>
      this.#missed({ because, visibleOn: on, position, sinceMs });
    if (position === undefined) return miss('position-unknown');
    const isOver = (topology: Topology): boolean => !isSamePrimary(topology.primary, primary);
    const leftMs = Math.max(1, timeoutMs - (performance.now() - sinceMs));
    await this.#engine.cluster.monitor.waitUntil(
      (topology) => isOver(topology) || this.#isVisible(topology, position, on),
      { position, timeoutMs: leftMs },
    );
    if (isOver(this.#topology)) return miss('primary-changed');
    return this.#isVisible(this.#topology, position, on) ? undefined : miss('timeout');
  }

  #isVisible({ replicas }: Topology, position: Position, on: VisibleOn): boolean {
    const serving = replicas.filter((node) => this.#serves(node));
    const visible = serving.filter((node) => hasReplayed(node, position)).length;
    return visible >= (on === 'all' ? serving.length : on);
  }

  /** With `minServing`, a replica that is too old may serve all the same. */
  #serves(node: NodeSnapshot): boolean {
    return mayServe(node) && (node.isTooOld !== true || this.#engine.options.minServing > 0);
  }

  #missed({ because, visibleOn, position, sinceMs }: Miss): NotVisibleEvent {
    const serving = this.#topology.replicas.filter((node) => this.#serves(node));
    const isKnown = because === 'timeout';
    const event = {
      because,
      visibleOn,
      serving: serving.length,
      visible: isKnown ? serving.filter((node) => hasReplayed(node, position)).length : 0,
      waitedMs: Math.round(performance.now() - sinceMs),
    };
    this.#engine.events.emit('visibility:missed', event);
    return event;
  }

  get #topology(): Topology {
    return this.#engine.cluster.monitor.topology;
  }
}

interface Miss {
  readonly because: NotVisibleReason;
  readonly visibleOn: VisibleOn;
  readonly position: Position | undefined;
  readonly sinceMs: number;
}

/** Positions of two primaries, or of two epochs, cannot be compared. An epoch that nobody knows yet may become known. */
function isSamePrimary(now: NodeSnapshot, before: NodeSnapshot): boolean {
  return now.name === before.name && (before.epoch === undefined || now.epoch === before.epoch);
}
