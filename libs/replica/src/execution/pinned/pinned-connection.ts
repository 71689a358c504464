import type { EventEmitter } from 'node:events';
import type { TransactionLostError } from '../../errors/transaction-lost.error.js';
import type { Route } from '../../routing/route.js';
import type { Position } from '../../session/position.js';
import type { Answer, Connection, Database, SentCall, StatementCall, StreamCall } from '../database.js';
import type { ConnectionOwner } from '../forward-events.js';
import { leadToCaller } from '../lead-to-caller.js';
import type { NodePool } from '../pools/node-pool.js';
import type { StatementRouter } from '../statement-router.js';
import type { Statement } from '../statements/statement.js';
import {
  endsInRollback,
  errorOfLoss,
  meaningOfLoss,
  type LossMeaning,
  type LossSite,
} from './loss-meaning.js';
import { routeOnPinned, type PinReason } from './pinned-route.js';
import type { PinnedStatement } from './pinned-statement.js';
import { PinnedWrites } from './pinned-writes.js';

/**
 * A stream reports its end to its reader before the server is ready for the next statement. How long that may take, in
 * milliseconds.
 */
const STREAM_END_MS = 1_000;

/** A connection that is to be pinned. */
interface Pin {
  /** The route by which it was taken. */
  readonly route: Route;
  readonly pool: NodePool;
  readonly connection: Connection;
  /** Why it stays pinned beyond transactions and streams. `undefined`: it does not. */
  readonly pinReason: PinReason | undefined;
  /** Whether something was left on it before. */
  readonly hasState?: boolean;
  /** Called when the connection is returned. */
  readonly endTurn: () => void;
}

/**
 * One connection to one node that one client keeps over several statements. The server's own word tells whether a transaction is
 * open. The connection tells the request when its writes have become visible, or never will.
 */
export class PinnedConnection implements ConnectionOwner {
  readonly emitter: EventEmitter;
  readonly #router: StatementRouter;
  readonly #route: Route;
  readonly #pool: NodePool;
  readonly #connection: Connection;
  readonly #database: Database;
  readonly #endTurn: () => void;
  readonly #writes: PinnedWrites;
  #pinReason: PinReason | undefined;
  readonly #onReplica: boolean;
  #broken: unknown;
  /** Whether a statement left something on it that only concerns its owner. */
  #hasState: boolean;
  /** The transaction that was open when the connection was lost. Not set if the owner ended it with that very statement. */
  lostTransaction: TransactionLostError | undefined;
  #hasLostTransaction = false;
  /** Until then, the loop that runs the first statement may still try another node. */
  #hasAnswered = false;
  #released = false;
  #running = 0;
  /** A failed statement may have left a transaction open. The server only says so after the error. */
  #mayBeOpen = false;
  /** The stream under way. `ended` resolves when it has ended. `shown` reports what it has revealed so far. */
  #stream: { readonly ended: Promise<void>; readonly shown: () => void } | undefined;

  constructor(router: StatementRouter, emitter: EventEmitter, pin: Pin) {
    const { route, pool, connection, pinReason } = pin;
    this.emitter = emitter;
    this.#router = router;
    this.#route = route;
    this.#pool = pool;
    this.#connection = connection;
    this.#database = router.database;
    this.#pinReason = pinReason;
    this.#hasState = pin.hasState === true;
    this.#endTurn = pin.endTurn;
    this.#onReplica = route.node !== router.primary;
    this.#writes = new PinnedWrites(router.contexts, this.#onReplica, router.changes);
    pool.hold();
    router.database.forwardEvents(connection, this);
  }

  /** In a transaction the next statement reports it: an owner that gave up on the event would never learn the outcome. */
  failed(error: unknown): boolean {
    this.#broken ??= error;
    return this.#hasAnswered && this.#writes.transaction === undefined;
  }

  /** Only for questions about its state. */
  get connection(): Connection {
    return this.#connection;
  }

  get isInTransaction(): boolean {
    return this.#writes.transaction !== undefined;
  }

  get isOnReplica(): boolean {
    return this.#onReplica;
  }

  /** Whether nothing ties the connection to its client any more. */
  get isFree(): boolean {
    return this.#writes.transaction === undefined && this.#pinReason === undefined;
  }

  /** Whether it was lost before it gave any answer. Then its owner was not told. */
  get wasLostBeforeFirstAnswer(): boolean {
    return this.#broken !== undefined && !this.#hasAnswered;
  }

  /** Whether it is of no more use, so that the next statement should get another one. */
  get isUseless(): boolean {
    return this.wasLostBeforeFirstAnswer || this.#hasLostTransaction;
  }

  /** Runs one statement and reports the outcome. It calls `ended` last, but before the code that awaits the answer continues. */
  run(
    { call, statement, attempt, trace }: PinnedStatement,
    ended: (isAnswered: boolean) => void,
  ): Promise<Answer> {
    const { args, text } = call;
    const scope = this.#router.contexts.ofStatement();
    const route = this.#routeOf(statement);
    const startedMs = this.#router.nowMs();
    this.#begins(statement);
    const site = this.#site(text);
    let position: Position | undefined;
    const tell = this.#asksForPosition(statement, call)
      ? (it: Position | undefined): void => void (position = it)
      : undefined;
    const { tracer } = this.#router.tracing;
    const send = (): Promise<Answer> =>
      this.#isPlainWrite(statement) && this.#pool.preparedWrites !== undefined
        ? this.#pool.preparedWrites.run(this.#connection, args, (as) => this.#send(as, tell))
        : this.#send({ args }, tell);
    const answer = tracer === undefined ? send() : tracer.quietly(send);
    return answer.then(
      (result) => {
        this.#hasAnswered = true;
        this.#hasState ||= this.#database.leavesState(statement, text);
        this.#ended(() => this.#succeeded(statement, position));
        this.#router.reports.answered({ scope, route, statement, startedMs, attempt: attempt ?? 1, trace });
        if (statement.mayWrite && this.#writes.transaction !== undefined)
          this.#router.reports.shown(scope, route);
        ended(true);
        const logged = this.#writes.takeLogged();
        return logged === undefined ? result : logged.then(() => result);
      },
      (failure: unknown) => {
        const error = this.#pool.losses.explain(this.#connection, failure);
        leadToCaller(error);
        const meaning = this.#database.errors.isConnectionEnd(error)
          ? meaningOfLoss(statement, site, { error, errors: this.#database.errors })
          : undefined;
        this.#hasAnswered ||= meaning === undefined;
        const told = meaning === undefined ? error : this.#errorOf(meaning, error);
        this.#ended(() => this.#failed(statement, { error, meaning, position }));
        // Outside a transaction, a write's own position covers what the write was told.
        const isCovered = statement.mayWrite && this.#writes.transaction === undefined;
        if (meaning === undefined && !isCovered) this.#router.reports.shown(scope, route);
        if (attempt === undefined)
          this.#router.reports.failed({ scope, route, statement, startedMs, attempt: 1, trace }, told);
        const isAsAsked = meaning === 'rolled-back' && endsInRollback(statement, text);
        if (isAsAsked) this.lostTransaction = undefined;
        ended(isAsAsked);
        if (isAsAsked) return this.#database.rolledBack();
        throw told;
      },
    );
  }

  /** `tell`: gets the position of the statement, if it is to be asked for. */
  #send(call: SentCall, tell: ((position: Position | undefined) => void) | undefined): Promise<Answer> {
    if (tell === undefined) return this.#database.run(this.#connection, call.args, call.prepared);
    // A write may be sent twice. Then only what was told along with the second answer covers it.
    tell(undefined);
    return this.#router.positions.run(this.#connection, { call, node: this.#route.node }, tell);
  }

  /** Whether it is a write outside any transaction that depends on nothing that an earlier statement left on the connection. */
  #isPlainWrite({ kind, transaction, keepsConnection, changesCatalog }: Statement): boolean {
    if (kind !== 'write' || transaction !== undefined || keepsConnection || changesCatalog) return false;
    return !this.#hasState && this.#running === 1 && this.#writes.transaction === undefined;
  }

  /** Runs a stream or cursor. Resolves when the last row has been fetched and the connection is idle again. */
  async stream(
    stream: StreamCall,
    { statement, attempt = 1, trace }: Omit<PinnedStatement, 'call'>,
  ): Promise<void> {
    if (stream.isDestroyed) return;
    const { tracing } = this.#router;
    const site = this.#site(stream.text);
    const known = this.#broken;
    if (known !== undefined) return stream.fail(this.#lost(statement, site, known));
    const scope = this.#router.contexts.ofStatement();
    const route = this.#routeOf(statement);
    const startedMs = this.#router.nowMs();
    this.#hasAnswered = true;
    this.#begins(statement);
    // The stream's reader learns of the node with the first row. What the reader has seen is only known at the end.
    this.#router.reports.answered({ scope, route, statement, startedMs, attempt, trace });
    const shown = (): void => this.#router.reports.shown(scope, route);
    const streaming = this.#database.stream(this.#connection, stream, (fn) => tracing.quietly(fn));
    this.#stream = { ended: streaming, shown };
    await streaming;
    this.#stream = undefined;
    const broken = this.#broken;
    this.#ended(() => {
      this.#hasState ||= this.#database.leavesState(statement, site.text);
      if (broken === undefined) this.#succeeded(statement);
      else this.#lost(statement, site, broken);
    });
    // Some rows may have arrived before it broke.
    shown();
    if (broken !== undefined)
      this.#router.reports.broke({ scope, route, statement, startedMs, attempt, trace }, broken);
  }

  /** Returns the connection to its pool. A connection that is broken, busy or inside a transaction is closed. */
  release(error?: unknown): void {
    if (this.#released) return;
    this.#released = true;
    const isOpen =
      this.#writes.transaction !== undefined ||
      this.#mayBeOpen ||
      this.#database.statusOf(this.#connection) !== 'idle';
    const write = this.#writes.release();
    this.#stream?.shown();
    const isFaulty = this.#broken !== undefined || (error !== undefined && error !== null && error !== false);
    if (this.#stream !== undefined && !isFaulty && !isOpen) {
      const end = this.#releaseAfter(this.#stream.ended);
      if (write === undefined) end.catch(() => undefined);
      else write.happensBy(end);
      return;
    }
    // What was sent and is not answered may still happen. What is not committed never will, but somebody has seen it.
    if (this.#running > 0) write?.lost();
    else write?.happened();
    this.#giveBack(isFaulty || this.#running > 0 || isOpen);
  }

  /**
   * Waits until the server is ready, because a stream reports its end to its reader before that. Rejects if the server does not
   * become ready.
   */
  async #releaseAfter(streaming: Promise<void>): Promise<void> {
    const isLost = !(await endsInTime(streaming)) || this.#broken !== undefined;
    this.#giveBack(isLost);
    if (isLost) throw new Error('a stream was given up, and the server did not say that it is ready');
  }

  #giveBack(isToBeClosed: boolean): void {
    this.#database.forwardEvents(this.#connection, undefined);
    this.#pool.letGo();
    this.#endTurn();
    if (isToBeClosed)
      this.#pool.close(this.#connection, 'closed: broken, busy, or released inside a transaction');
    else if (!this.#hasState) this.#pool.release(this.#connection);
    else if (this.#onReplica) void this.#pool.parked.reset(this.#connection);
    else this.#pool.parked.park(this.#connection, this.#router.stateOwner);
  }

  #routeOf({ kind }: Statement): Route {
    const isOpen = this.#writes.transaction !== undefined;
    return routeOnPinned(
      { route: this.#route, onReplica: this.#onReplica, isOpen, pinReason: this.#pinReason },
      kind,
    );
  }

  #begins(statement: Statement): void {
    this.#running++;
    this.#mayBeOpen = false;
    this.#writes.begins(statement);
  }

  /** Whether this statement makes a write visible, and the primary is asked for its position right behind it. */
  #asksForPosition(statement: Statement, { args, text }: StatementCall): boolean {
    if (this.#onReplica || this.#running > 1) return false;
    const write = this.#writes.endsWith(statement, text);
    if (write === undefined || !this.#router.positions.mayAsk(this.#connection, args)) return false;
    write.asks();
    return true;
  }

  /** A stream found its connection gone. */
  #lost(statement: Statement, site: LossSite, error: unknown): unknown {
    const meaning = meaningOfLoss(statement, site, { error, errors: this.#database.errors });
    const told = this.#errorOf(meaning, error);
    this.#failed(statement, { error, meaning });
    return told;
  }

  /** The error for the caller. If the connection was already known to be gone, the reason for which it went counts. */
  #errorOf(meaning: LossMeaning, error: unknown): unknown {
    const { errors } = this.#database;
    if (meaning !== 'rolled-back') return errorOfLoss(meaning, this.#pool, { error, errors });
    const reason = errors.isUnsent(error) ? (this.#broken ?? error) : error;
    this.#hasLostTransaction = true;
    return (this.lostTransaction = errorOfLoss(meaning, this.#pool, {
      error: reason,
      errors,
    }) as TransactionLostError);
  }

  /** The circumstances before the statement runs. A lost connection may release its client before the statement learns of it. */
  #site(text: string): LossSite {
    return { text, onReplica: this.#onReplica, transaction: this.#writes.transaction };
  }

  /** After `release()` there is nothing left to report. */
  #ended(tell: () => void): void {
    this.#running--;
    if (!this.#released) tell();
  }

  #succeeded(statement: Statement, position?: Position): void {
    if (statement.keepsConnection) this.#pinReason ??= 'session-change';
    const isOpen = this.#database.statusOf(this.#connection) !== 'idle';
    this.#writes.succeeded(statement, { isOpen, position });
  }

  #failed(
    statement: Statement,
    { error, meaning, position }: { error: unknown; meaning?: LossMeaning; position?: Position },
  ): void {
    if (meaning === undefined) {
      this.#mayBeOpen = this.#writes.transaction === undefined && statement.transaction !== undefined;
      this.#writes.failed(statement, position);
      return;
    }
    this.#broken = error;
    // After a time-out of the client's, the connection is as it was. Cut it, so that the transaction really is rolled back.
    if (meaning === 'rolled-back') this.#database.cut(this.#connection);
    this.#writes.lost(meaning);
  }
}

/** Whether the stream under way ends in time. Its reader has already read it to the end. */
async function endsInTime(streaming: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => (timer = setTimeout(resolve, STREAM_END_MS, false)));
  const isInTime = await Promise.race([streaming, late]);
  clearTimeout(timer);
  return isInTime !== false;
}
