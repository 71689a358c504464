import type { Intent, RequestView } from '../routing/route-query.js';
import type { RouteReason } from '../routing/route.js';
import type { Position } from '../session/position.js';
import type { SessionClock } from '../session/session-clock.js';
import type { SessionState } from '../session/session-state.js';
import { OwnWrites } from './own-writes.js';
import type { PositionSource, ToldPosition } from './position-source.js';
import { ReadingNode } from './reading-node.js';
import type { RequestSession } from './request-session.js';
import { SessionNews } from './session-news.js';
import { viewSession } from './view-session.js';

const NONE: readonly never[] = [];

/**
 * All that is known of one request (or job, or message) while it runs, shared by everything that runs in it. It ends
 * with the response: what still runs then is outside.
 */
export class RequestContext {
  readonly writes: OwnWrites;
  /** The node that it reads from. */
  readonly reading = new ReadingNode();
  readonly #positions: PositionSource;
  #nodes: readonly string[] = NONE;
  #reasons: readonly RouteReason[] = NONE;
  #session: RequestSession | undefined;
  #findSession: (() => RequestSession | undefined) | undefined;
  #openTransactions = 0;
  #ended = false;
  #isAnswered = false;
  /** How often the session saw what only a position covers, and how much of that one does. */
  #sights = 0;
  #sightsCovered = 0;
  #hasWritten = false;
  readonly #news: SessionNews;
  #settling: Promise<void> | undefined;
  /** All there is to learn and save by now will be, and nobody waits. */
  #isLeftToSession = false;

  /** @param startedMs when the request began; milliseconds of the monotonic clock */
  constructor(
    positions: PositionSource,
    readonly startedMs: number,
  ) {
    this.#positions = positions;
    this.writes = new OwnWrites(positions.unknownForMs);
    this.#news = new SessionNews(this.writes, positions.clock);
  }

  /** The session behind the request, where there is one. */
  get session(): RequestSession | undefined {
    return (this.#session ??= this.#findSession?.());
  }

  /** Ties the request to a session, once. */
  attach(session: RequestSession): void {
    this.#session ??= session;
  }

  /** Ties the request to a session when there is one: `find` is asked until then. */
  attachLater(find: () => RequestSession | undefined): void {
    this.#findSession = find;
  }

  /**
   * What the request has written and seen, and will have, is also told to the session of this key. `false`: nothing was bound, for the
   * state of sessions is not kept by keys.
   */
  bindSession(key: string): boolean {
    const { session } = this;
    if (session?.bind(key) === false) return false;
    const find = this.#findSession;
    if (session === undefined) this.#findSession = () => boundTo(key, find?.());
    this.#news.tellAgain();
    // What replicas have shown is covered by a position of now.
    this.sawMore();
    this.#settleIfAnswered();
    return true;
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
    this.answered();
  }

  /** All of its answer was given to be sent: no part of it will wait for what is written from now on, which is saved at once. */
  answered(): void {
    this.#isAnswered = true;
    this.#settleIfAnswered();
  }

  transactionBegan(): void {
    this.#openTransactions++;
  }

  transactionEnded(): void {
    this.#openTransactions--;
  }

  /** The time for what its session keeps. */
  get clock(): SessionClock {
    return this.#positions.clock;
  }

  /** What routing needs to know, under the given intent. */
  view(intent: Intent): RequestView {
    return {
      intent,
      startedMs: this.startedMs,
      ownWritePending: this.writes.pending,
      ownWriteLost: this.writes.lost,
      ownPosition: this.writes.position,
      hasWritten: this.#hasWritten,
      transactionOpen: this.#openTransactions > 0,
      kept: this.reading.kept,
      session: intent.consistency === 'session' ? viewSession(this.session, this.clock) : undefined,
    };
  }

  /** A statement was routed. */
  routed(node: string, reason: RouteReason): void {
    if (!this.#nodes.includes(node)) this.#nodes = [...this.#nodes, node];
    if (!this.#reasons.includes(reason)) this.#reasons = [...this.#reasons, reason];
  }

  /**
   * The session was shown what only a position covers: data of the primary, or of a replica that is not known to be the one
   * that it goes on reading from. Before any replica serves it, that must have as much.
   */
  sawMore(): void {
    if (this.#positions.sticky.mode === 'position') this.#sights++;
    this.#isLeftToSession = false;
  }

  /** How often it was shown such data. */
  get sights(): number {
    return this.#sights;
  }

  /** The session reads from another replica than was known. */
  movedTo(replica: string): void {
    this.#news.movedTo(replica, this.session?.view(this.clock.latestMs()));
    this.#isLeftToSession = false;
  }

  /** The session reads from the replica that was known; that is to be noted, or noted anew lest it be forgotten. */
  readsFrom(replica: string): void {
    this.#news.readsFrom(replica, this.session?.view(this.clock.latestMs()));
    this.#isLeftToSession = false;
  }

  /** Whether the session was shown something since the request was last settled that its position does not cover. */
  get hasSeenMore(): boolean {
    return this.#sights > this.#sightsCovered;
  }

  /**
   * A write completed, or may have: where `told` does not cover it, its position is captured from now on, and awaited by
   * `settle()`.
   */
  wrote(told?: ToldPosition): void {
    this.#hasWritten = true;
    this.#isLeftToSession = false;
    if (this.#positions.sticky.mode === 'time') this.writes.completeUnknown();
    else if (told === undefined) this.writes.complete(this.#capture());
    else {
      this.writes.completeAt(told.position);
      this.#sightsCovered = Math.max(this.#sightsCovered, told.sights);
    }
    this.#settleIfAnswered();
  }

  /**
   * A write is about to complete, at the latest when `end` resolves; `settle()` awaits that, too. Where `end` rejects, nobody knows
   * whether it happened.
   */
  wroteBy(end: Promise<unknown>): void {
    this.#hasWritten = true;
    this.#isLeftToSession = false;
    if (this.#positions.sticky.mode === 'time') this.writes.completeUnknown();
    else this.writes.complete(end.then(() => this.#capture()));
    this.#settleIfAnswered();
  }

  /** The outcome of a write is not known, and may not be for a while. */
  lostWrite(): void {
    this.writes.lose();
    this.#isLeftToSession = false;
    this.#settleIfAnswered();
  }

  /** Whether there is anything to learn or to save before the response leaves. */
  get unsettled(): boolean {
    const { session } = this;
    if (session === undefined || this.#isLeftToSession) return false;
    const isUnderWay = this.#settling !== undefined || this.writes.isCapturing;
    const isNewcomer = !this.#news.wasTaken && session.standing === 'none' && this.reading.kept !== undefined;
    return (isUnderWay || this.hasSeenMore || this.#news.isAny || isNewcomer) && session.mayBeSaved;
  }

  /**
   * As {@link settle}, where it takes no time; says whether it did. A session in this process's memory learns the position of what
   * its request has written, and seen, when the response has left: whoever asks for its state before that waits.
   */
  trySettle(): boolean {
    if (!this.unsettled) return true;
    const { session } = this;
    const save = session?.isLocal === true ? session.announce(() => this.#positions.hurry()) : undefined;
    if (session === undefined || save === undefined) return false;
    this.#noteNewcomer(session);
    if (this.hasSeenMore) this.writes.cover(this.#capture());
    this.#isLeftToSession = true;
    this.writes.whenSettled(() => save(this.#news.take()));
    return true;
  }

  /** Learns what the request has written and seen, and saves what of it is new. For before the response leaves; never rejects. */
  async settle(): Promise<void> {
    await this.#settling;
    if (this.trySettle()) return;
    this.#settling ??= this.#settleOnce().finally(() => (this.#settling = undefined));
    await this.#settling;
  }

  /** Nobody will ask for it any more. At once where it takes no time: the session may be asked for next. */
  #settleIfAnswered(): void {
    if (this.#isAnswered && !this.trySettle()) void this.settle();
  }

  async #settleOnce(): Promise<void> {
    const { session } = this;
    if (session?.mayBeSaved !== true) return this.writesCaptured();
    this.#noteNewcomer(session);
    await this.learn();
    if (this.#news.isAny) await session.save(this.#news.take());
  }

  /** The response gives the client its first key: what it was shown by then is news. */
  #noteNewcomer({ standing }: RequestSession): void {
    if (standing === 'none' && !this.hasSeenMore && this.reading.kept !== undefined)
      this.#news.readsFrom(this.reading.kept.name);
  }

  /** Learns a position that covers all that the request has written and seen by now, or all there is. Never rejects. */
  async learn(isForced = false): Promise<void> {
    if (this.hasSeenMore || isForced) this.writes.cover(this.#capture());
    await this.writesCaptured();
  }

  /** Resolves when the positions of all its writes by now are known, or cannot be. Never rejects. */
  writesCaptured(): Promise<void> {
    if (this.writes.isCapturing) this.#positions.hurry();
    return this.writes.settled();
  }

  /** From now on the request also has to see what `capture` gives. */
  cover(capture: Promise<Position>): void {
    this.#isLeftToSession = false;
    this.writes.cover(capture);
    this.#settleIfAnswered();
  }

  /** What the request adds to its session, as far as it is known now. */
  news(): SessionState {
    return this.#news.tell();
  }

  /** What is captured from now on covers all that was seen until now. */
  #capture(): Promise<Position> {
    this.#sightsCovered = this.#sights;
    try {
      const capture = this.#positions.capture();
      // Its response will have to wait for it.
      if (this.session?.isLocal === false) this.#positions.hurry();
      return capture;
    } catch (error) {
      return Promise.reject(error);
    }
  }
}

function boundTo(key: string, session: RequestSession | undefined): RequestSession | undefined {
  session?.bind(key);
  return session;
}
