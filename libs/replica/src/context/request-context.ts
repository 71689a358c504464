import type { Intent, KeptNode, RequestView } from '../routing/route-query.js';
import type { RouteReason } from '../routing/route.js';
import { laterPosition, type Position } from '../session/position.js';
import { OwnWrites } from './own-writes.js';
import type { SessionHandle } from './session-handle.js';

/** How positions of nodes are learned; the topology monitor's part that a request needs. */
export interface PositionSource {
  /** The node's position, read after the call began. Rejects when it cannot be learned. */
  capture(node: string): Promise<Position>;
  /** Sessions wait for replicas to replay this position. */
  expect(position: Position): void;
  /** The name of the node that takes writes now. */
  readonly primary: string;
}

/**
 * All that is known of one request (or job, or message) while it runs, shared by everything that runs in it. It ends
 * with the response: what still runs then is outside.
 */
export class RequestContext {
  readonly writes = new OwnWrites();
  readonly #positions: PositionSource;
  readonly #strayedTo = new Set<string>();
  readonly #nodes: string[] = [];
  readonly #reasons: RouteReason[] = [];
  #session: SessionHandle | undefined;
  #openTransactions = 0;
  #kept: KeptNode | undefined;
  #ended = false;
  #saved: Position | undefined;

  constructor(positions: PositionSource) {
    this.#positions = positions;
  }

  /** The session behind the request, once somebody found out. */
  get session(): SessionHandle | undefined {
    return this.#session;
  }

  /** Ties the request to a session, once. */
  attach(session: SessionHandle): void {
    this.#session ??= session;
  }

  /** The distinct nodes that served the request, in order. */
  get nodes(): readonly string[] {
    return this.#nodes;
  }

  /** The distinct reasons why, in order. */
  get reasons(): readonly RouteReason[] {
    return this.#reasons;
  }

  /** The response has left: nothing that still runs may rely on this request. */
  get ended(): boolean {
    return this.#ended;
  }

  end(): void {
    this.#ended = true;
  }

  transactionBegan(): void {
    this.#openTransactions++;
  }

  transactionEnded(): void {
    this.#openTransactions--;
  }

  /** What routing needs to know, under the given intent. `nowEpochMs` as `Date.now()`. */
  view(intent: Intent, nowEpochMs: number): RequestView {
    return {
      intent,
      ownWritePending: this.writes.pending,
      ownPosition: this.writes.position,
      transactionOpen: this.#openTransactions > 0,
      kept: this.#kept,
      session: intent.consistency === 'session' ? this.#session?.view(nowEpochMs) : undefined,
    };
  }

  /** A statement was routed. */
  routed(node: string, reason: RouteReason): void {
    if (!this.#nodes.includes(node)) this.#nodes.push(node);
    if (!this.#reasons.includes(reason)) this.#reasons.push(reason);
  }

  /** A read was answered by a node that routing was free to choose. */
  keep(node: KeptNode): void {
    this.#kept = node;
  }

  /** The session saw data of a node that is not its own: before another node serves it, that must have as much. */
  strayed(node: string): void {
    this.#strayedTo.add(node);
  }

  /** The session saw data of a node that is not its own, since the request was last settled. */
  get hasStrayed(): boolean {
    return this.#strayedTo.size > 0;
  }

  /** A write completed, or may have: its position is captured from now on, and awaited by `settle()`. */
  wrote(): void {
    this.writes.complete(this.#capturePrimary());
    if (this.#ended) void this.settle();
  }

  /**
   * Learns what the request has written and seen, and saves it to the session. To be awaited before the response
   * leaves; never rejects. May be called again: only what is new is saved.
   */
  async settle(): Promise<void> {
    const seen = this.#session === undefined ? [] : this.#captureStrayed();
    await this.writes.settled();
    const positions = await Promise.all(seen);
    const session = this.#session;
    if (session === undefined) return;
    const unknown = this.writes.unknown || positions.includes('unknown');
    let position = this.writes.position;
    for (const other of positions) if (other !== 'unknown') position = laterPosition(position, other);
    if (position === this.#saved && !unknown) return;
    this.#saved = position;
    await session.save({ position, primaryUntilMs: unknown ? Date.now() + session.ttlMs : 0 });
  }

  /** Whether `settle()` has anything to wait for or to save. */
  get unsettled(): boolean {
    return (
      this.writes.pending ||
      (this.#session !== undefined && (this.#strayedTo.size > 0 || this.writes.position !== this.#saved))
    );
  }

  #capturePrimary(): Promise<Position> {
    const { primary } = this.#positions;
    this.#strayedTo.delete(primary);
    return this.#capture(primary);
  }

  async #capture(node: string): Promise<Position> {
    const position = await this.#positions.capture(node);
    this.#positions.expect(position);
    return position;
  }

  #captureStrayed(): Promise<Position | 'unknown'>[] {
    const nodes = [...this.#strayedTo];
    this.#strayedTo.clear();
    return nodes.map(async (node) => {
      try {
        return await this.#capture(node);
      } catch {
        // What a node that is gone has shown, the primary has at least as well.
        return node === this.#positions.primary
          ? 'unknown'
          : this.#capturePrimary().catch(() => 'unknown' as const);
      }
    });
  }
}
