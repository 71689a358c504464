import type { Intent, RequestView, SessionView } from '../routing/route-query.js';
import type { RouteReason } from '../routing/route.js';
import type { Position } from '../session/position.js';
import type { SessionClock } from '../session/session-clock.js';
import type { AnswerGate } from './answer-gate.js';
import { Ledger } from './ledger.js';
import type { PositionSource, ToldPosition } from './position-source.js';
import { ReadingNode } from './reading-node.js';
import type { RequestSession } from './request-session.js';

const NONE: readonly never[] = [];
/** The number of the last request that was given one. */
let lastNumber = 0;

/**
 * All that is known of one request (or job, or message) while it runs, shared by everything that runs in it. It ends with the
 * response: what still runs then is outside.
 *
 * What the request has written and was shown is in its {@link ledger}. It is *settled* when its session knows all of that, or
 * will before anyone asks. It is settled before its response leaves, and after each later write.
 */
export class RequestContext {
  readonly ledger: Ledger;
  /** The node that it reads from. */
  readonly reading = new ReadingNode();
  /** What else keeps the answer back. */
  gate: AnswerGate | undefined;
  /** Why a write of the request is not known to be visible on replicas although a `@SyncWrite()` waited for that. */
  missedVisibility: string | undefined;
  readonly #positions: PositionSource;
  #nodes: readonly string[] = NONE;
  #reasons: readonly RouteReason[] = NONE;
  #session: RequestSession | undefined;
  #findSession: (() => RequestSession | undefined) | undefined;
  #openTransactions = 0;
  #ended = false;
  #isAnswered = false;
  #settling: Promise<void> | undefined;
  #number: number | undefined;

  /** @param startedMs when the request began; milliseconds of the monotonic clock */
  constructor(
    positions: PositionSource,
    readonly startedMs: number,
  ) {
    this.#positions = positions;
    this.ledger = new Ledger(positions);
  }

  /** Tells the request from others of this process. Requests are numbered from 1, each when it is first asked for its number. */
  get number(): number {
    return (this.#number ??= ++lastNumber);
  }

  /** The session behind the request, if there is one. */
  get session(): RequestSession | undefined {
    return (this.#session ??= this.#findSession?.());
  }

  /** Whether its session is known, or may be found later. */
  get mayHaveSession(): boolean {
    return this.#session !== undefined || this.#findSession !== undefined;
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
   * Tells the session of this key, too, what the request has written and seen, and will have. `false`: nothing was bound, because
   * the state of sessions is not kept by keys.
   */
  bindSession(key: string): boolean {
    const { session } = this;
    if (session?.bind(key) === false) return false;
    const find = this.#findSession;
    if (session === undefined) this.#findSession = () => boundTo(key, find?.());
    this.ledger.forgetSaved();
    // A position of now covers what replicas have shown.
    this.ledger.addSighting();
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

  /** The whole answer was handed over to be sent. No part of it waits for later writes, which are saved at once. */
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
    const { ledger } = this;
    return {
      intent,
      startedMs: this.startedMs,
      ownWritePending: ledger.isPending,
      ownWriteLost: ledger.isUnconfirmed,
      ownPosition: ledger.position,
      hasWritten: ledger.hasWritten,
      transactionOpen: this.#openTransactions > 0,
      kept: this.reading.kept,
      session: intent.consistency === 'session' ? this.#viewSession() : undefined,
    };
  }

  /**
   * A shared store may have forgotten early what it kept, if its clock stepped as ours did. Then nobody knows what a session has
   * written that the store does not know.
   */
  #viewSession(): SessionView | undefined {
    const { session, clock } = this;
    const view = session?.view(clock.earliestMs());
    const isNew = view?.status === 'loaded' && view.position === undefined && view.servedBy === undefined;
    return isNew && session?.isShared === true && clock.hasStepped ? { ...view, onPrimary: true } : view;
  }

  /** A statement was routed. */
  routed(node: string, reason: RouteReason): void {
    if (!this.#nodes.includes(node)) this.#nodes = [...this.#nodes, node];
    if (!this.#reasons.includes(reason)) this.#reasons = [...this.#reasons, reason];
  }

  /** The session reads from another replica than was known. */
  movedTo(replica: string): void {
    this.ledger.movedTo(replica, this.session?.view(this.clock.latestMs()));
  }

  /** The session reads from the replica that was known. That is to be noted, or noted anew before it is forgotten. */
  readsFrom(replica: string): void {
    this.ledger.readsFrom(replica, this.session?.view(this.clock.latestMs()));
  }

  /** A write completed, or may have. `told` covers it; without that its position is captured from now on. */
  wrote(told?: ToldPosition): void {
    if (this.#positions.sticky.mode === 'time') this.ledger.leaveUncovered();
    else if (told === undefined) this.ledger.learn(this.#capture());
    else this.ledger.coverBy(told);
    this.#settleIfAnswered();
  }

  /** A write completes at the latest when `end` resolves. If `end` rejects, nobody knows whether it happened. */
  wroteBy(end: Promise<unknown>): void {
    if (this.#positions.sticky.mode === 'time') this.ledger.leaveUncovered();
    else this.ledger.learn(end.then(() => this.#capture()));
    this.#settleIfAnswered();
  }

  /** The outcome of a write is not known, and may not be for a while. */
  lostWrite(): void {
    this.ledger.lose();
    this.#settleIfAnswered();
  }

  /** From now on the request also requires the position that `capture` gives. */
  cover(capture: Promise<Position>): void {
    this.ledger.reopen();
    this.ledger.cover(capture);
    this.#settleIfAnswered();
  }

  /**
   * From now on reads of this request also see what `other` has written by now: one runs inside the other, or was left running by
   * it. What `other` does not know stays unknown for as long as there, and no longer. Otherwise one write would keep a job that
   * schedules itself again and again on the primary for good.
   */
  includeWritesOf(other: RequestContext): void {
    const { isUnderWay, position } = other.ledger;
    this.ledger.shareDeadlines(other.ledger);
    this.ledger.countWritesOf(other.ledger);
    if (isUnderWay || position !== undefined) this.cover(this.#positionOf(other));
  }

  async #positionOf({ ledger }: RequestContext): Promise<Position> {
    await ledger.settled();
    this.ledger.shareDeadlines(ledger);
    if (ledger.position === undefined && ledger.isUnderWay)
      throw new Error('the position of a write is not known');
    return ledger.position ?? 0n;
  }

  /** Whether there is anything to learn or to save before the response leaves. */
  get unsettled(): boolean {
    const { session, ledger } = this;
    if (session === undefined || ledger.isAnnounced) return false;
    const isUnderWay = this.#settling !== undefined || ledger.isLearning;
    const isNewcomer = !ledger.wasSaved && session.standing === 'none' && this.reading.kept !== undefined;
    const isOpen = isUnderWay || ledger.hasUncoveredSightings || ledger.isUnsaved || isNewcomer;
    return isOpen && session.mayBeSaved;
  }

  /**
   * As {@link settle}, if that takes no time; `false`: it does. A session in this process's memory learns the position of what its
   * request has written and seen after the response has left. Whoever asks for its state before that waits.
   */
  trySettle(): boolean {
    if (!this.unsettled) return true;
    const { session, ledger } = this;
    const save = session?.isLocal === true ? session.announce(() => this.#positions.hurry()) : undefined;
    if (session === undefined || save === undefined) return false;
    this.#noteNewcomer(session);
    if (ledger.hasUncoveredSightings) ledger.cover(this.#capture());
    ledger.announced();
    ledger.whenSettled(() => save(ledger.takeToSave()));
    return true;
  }

  /** Learns what the request has written and seen, and saves what of it is new. For before the response leaves. Never rejects. */
  async settle(): Promise<void> {
    await this.#settling;
    if (this.trySettle()) return;
    this.#settling ??= this.#settleOnce().finally(() => (this.#settling = undefined));
    await this.#settling;
  }

  /** Whether the answer may leave at once. */
  tryAnswer(): boolean {
    return this.gate?.isOpen !== false && this.trySettle();
  }

  /** Resolves when the answer may leave. Rejects if the caller is to get an error in its place. */
  async mayAnswer(): Promise<void> {
    await this.gate?.pass();
    await this.settle();
  }

  /** Nobody will ask for it any more. If it takes no time, it is done at once: the session may be asked for next. */
  #settleIfAnswered(): void {
    if (this.#isAnswered && !this.trySettle()) void this.settle();
  }

  async #settleOnce(): Promise<void> {
    const { session, ledger } = this;
    if (session?.mayBeSaved !== true) return this.writesCaptured();
    this.#noteNewcomer(session);
    await this.learn();
    if (ledger.isUnsaved) await session.save(ledger.takeToSave());
  }

  /** If the response gives the client its first key, what the client was shown before is new to the session. */
  #noteNewcomer({ standing }: RequestSession): void {
    if (standing === 'none' && !this.ledger.hasUncoveredSightings && this.reading.kept !== undefined)
      this.ledger.readsFrom(this.reading.kept.name);
  }

  /** Learns a position that covers all that the request has written and seen by now; `isForced`: all that exists. Never rejects. */
  async learn(isForced = false): Promise<void> {
    if (this.ledger.hasUncoveredSightings || isForced) this.ledger.cover(this.#capture());
    await this.writesCaptured();
  }

  /** Resolves when the positions of all its writes by now are known, or cannot be. Never rejects. */
  writesCaptured(): Promise<void> {
    if (this.ledger.isLearning) this.#positions.hurry();
    return this.ledger.settled();
  }

  /** A position of the primary from now on. It covers all sightings until now. */
  #capture(): Promise<Position> {
    this.ledger.coverSightings();
    try {
      const capture = this.#positions.capture();
      // The response will have to wait for it.
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
