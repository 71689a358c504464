import type { Intent, KeptNode, RequestView } from '../routing/route-query.js';
import type { RouteReason } from '../routing/route.js';
import { laterPosition, type Position } from '../session/position.js';
import type { SessionState } from '../session/session-state.js';
import { OwnWrites } from './own-writes.js';
import type { RequestSession } from './request-session.js';

/** How a session is kept fresh after a write: until a position is replayed, or for a time. */
export type StickyPolicy =
  { readonly mode: 'position' } | { readonly mode: 'time'; readonly windowMs: number };

/** What a request needs from the outside: how it learns positions. */
export interface PositionSource {
  readonly sticky: StickyPolicy;
  /** The primary's position, read after the call began. Rejects when it cannot be learned. */
  capture(): Promise<Position>;
  /** Sessions wait for replicas to replay this position. */
  expect(position: Position): void;
}

/**
 * All that is known of one request (or job, or message) while it runs, shared by everything that runs in it. It ends
 * with the response: what still runs then is outside.
 */
export class RequestContext {
  readonly writes = new OwnWrites();
  readonly #positions: PositionSource;
  readonly #nodes: string[] = [];
  readonly #reasons: RouteReason[] = [];
  #session: RequestSession | undefined;
  #openTransactions = 0;
  #kept: KeptNode | undefined;
  #ended = false;
  /** The session saw the primary, and what it saw is not covered by a position yet. */
  #sawPrimary = false;
  /** What the session does not know yet. */
  #servedBy: string | undefined;
  #saved: Position | undefined;
  #isUnknownSaved = false;

  /** @param startedMs when the request began; milliseconds of the monotonic clock */
  constructor(
    positions: PositionSource,
    readonly startedMs: number,
  ) {
    this.#positions = positions;
  }

  /** The session behind the request, where there is one. */
  get session(): RequestSession | undefined {
    return this.#session;
  }

  /** Ties the request to a session, once. */
  attach(session: RequestSession): void {
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
      startedMs: this.startedMs,
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

  /** The session was shown data of the primary: before a replica serves it, that must have as much. */
  sawPrimary(): void {
    this.#sawPrimary = this.#positions.sticky.mode === 'position';
  }

  /** The session reads from another replica than was known; or that is to be noted anew, lest it be forgotten. */
  movedTo(replica: string): void {
    this.#servedBy = replica;
  }

  /** Whether the session was shown something since the request was last settled that its position does not cover. */
  get hasSeenMore(): boolean {
    return this.#sawPrimary;
  }

  /** A write completed, or may have: its position is captured from now on, and awaited by `settle()`. */
  wrote(): void {
    if (this.#positions.sticky.mode === 'position') this.writes.complete(this.#capture());
    else this.writes.lose();
    if (this.#ended) void this.settle();
  }

  /** Whether `settle()` has anything to wait for or to save. */
  get unsettled(): boolean {
    if (this.writes.isCapturing) return true;
    return this.#session !== undefined && (this.#sawPrimary || this.#hasNews);
  }

  /**
   * Learns what the request has written and seen, and saves it to the session. To be awaited before the response
   * leaves; never rejects. May be called again: only what is new is saved.
   */
  async settle(): Promise<void> {
    if (this.#session !== undefined) await this.learn();
    else await this.writes.settled();
    if (this.#session === undefined || !this.#hasNews) return;
    const state = this.news(this.#session.ttlMs);
    this.#saved = this.writes.position;
    this.#isUnknownSaved = this.writes.unknown;
    this.#servedBy = undefined;
    await this.#session.save(state);
  }

  /** Learns a position that covers all that the request has written and seen by now. Never rejects. */
  async learn(): Promise<void> {
    if (this.#sawPrimary) this.writes.cover(this.#capture());
    await this.writes.settled();
  }

  /** What the request adds to its session, as far as it is known now. `ttlMs`: how long the session is kept. */
  news(ttlMs: number): SessionState {
    const { sticky } = this.#positions;
    const now = Date.now();
    return {
      position: this.writes.position,
      primaryUntilMs: this.writes.unknown ? now + (sticky.mode === 'time' ? sticky.windowMs : ttlMs) : 0,
      servedBy: this.#servedBy,
      servedAtMs: this.#servedBy === undefined ? undefined : now,
    };
  }

  get #hasNews(): boolean {
    const { position, unknown } = this.writes;
    return position !== this.#saved || unknown !== this.#isUnknownSaved || this.#servedBy !== undefined;
  }

  /** What is captured from now on covers all that was seen until now. */
  async #capture(): Promise<Position> {
    this.#sawPrimary = false;
    const position = laterPosition(this.writes.position, await this.#positions.capture()) as Position;
    this.#positions.expect(position);
    return position;
  }
}
