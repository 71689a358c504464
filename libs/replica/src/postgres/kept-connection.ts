import type { EventEmitter } from 'node:events';
import type pg from 'pg';
import type { Route } from '../routing/route.js';
import type { Position } from '../session/position.js';
import { endsInRollback, rolledBack } from './after-loss.js';
import { errorOfLoss, meaningOfLoss, type LossMeaning, type LossSite } from './meaning-of-loss.js';
import type { NodePool } from './node-pool.js';
import { isConnectionEnd, isUnsent } from './postgres-errors.js';
import { cutSocket } from './cut-socket.js';
import { routeOnKept, type Keeping } from './kept-place.js';
import { KeptWrites } from './kept-writes.js';
import { forwardEvents } from './forward-events.js';
import { leavesState } from './leaves-state.js';
import { lendContext } from './lend-context.js';
import { endsInTime, idleAgain } from './idle-again.js';
import { failSubmittable, leadToCaller, queryWith, textOfSubmittable } from './query-call.js';
import type { QueryCall, Submittable } from './query-call.js';
import type { StatementRouter } from './statement-router.js';
import type { Statement } from './statements/index.js';
import type { AttemptLog } from './try-nodes.js';
import type { TransactionLostError } from '../errors/transaction-lost.error.js';

/** A statement on a kept connection. */
export interface KeptCall {
  readonly call: QueryCall;
  readonly statement: Statement;
  readonly log?: AttemptLog;
}

/**
 * One connection to one node, kept by one client over several statements. Knows from the server's own word whether a
 * transaction is open, and tells the request when its writes have become visible or never will.
 */
export class KeptConnection {
  readonly #router: StatementRouter;
  readonly #route: Route;
  readonly #pool: NodePool;
  readonly #client: pg.PoolClient;
  readonly #stopForwarding: () => void;
  readonly #leave: () => void;
  readonly #writes: KeptWrites;
  /** Why it is kept beyond transactions: its client asked for one connection, or a statement left something on it. */
  #staysFor: Keeping['staysFor'];
  readonly #onReplica: boolean;
  #broken: unknown;
  /** A statement left something on it that is nobody else's. */
  #hasState: boolean;
  /** The transaction that was open when the connection was lost, where its owner has not ended it by that statement. */
  lostTransaction: TransactionLostError | undefined;
  #hasLostTransaction = false;
  /** Until then whoever runs the first statement may still go elsewhere. */
  #hasAnswered = false;
  #released = false;
  #running = 0;
  /** A statement failed that may have left a transaction open: the server says so only after the error. */
  #mayBeOpen = false;
  /** The stream under way: resolves when it has ended, and tells what it has shown until now. */
  #stream: { readonly ended: Promise<void>; readonly shown: () => void } | undefined;

  constructor(router: StatementRouter, owner: EventEmitter, keeping: Keeping) {
    const { route, pool, client, staysFor } = keeping;
    this.#router = router;
    this.#route = route;
    this.#pool = pool;
    this.#client = client;
    this.#staysFor = staysFor;
    this.#hasState = keeping.hasState === true;
    this.#leave = keeping.leave;
    this.#onReplica = route.node !== router.primary;
    this.#writes = new KeptWrites(router.contexts, this.#onReplica);
    pool.hold();
    this.#stopForwarding = forwardEvents(client, owner, (error) => {
      this.#broken ??= error;
      // In a transaction the next statement tells: whoever gives up at this event would never learn what became of it.
      return this.#hasAnswered && this.#writes.transaction === undefined;
    });
  }

  /** To be asked what it is, no more. */
  get client(): pg.ClientBase {
    return this.#client;
  }

  /** Nothing on the connection binds it to its client any more. */
  get isFree(): boolean {
    return this.#writes.transaction === undefined && this.#staysFor === undefined;
  }

  /** Lost before it gave any answer: its owner was not told. */
  get isStillborn(): boolean {
    return this.#broken !== undefined && !this.#hasAnswered;
  }

  /** It is good for nothing any more, and whoever asks for the next statement shall have another one. */
  get isUseless(): boolean {
    return this.isStillborn || this.#hasLostTransaction;
  }

  /**
   * Runs one statement and tells what came of it: `ended` last, before whoever awaits the answer. `log`: where it may be tried
   * elsewhere when it fails.
   */
  run(
    { call: { args, text }, statement, log }: KeptCall,
    ended: (isAnswered: boolean) => void,
  ): Promise<pg.QueryResult> {
    const scope = this.#router.contexts.ofStatement();
    const route = this.#routeOf(statement);
    const startedMs = this.#router.nowMs();
    this.#begins(statement);
    const site = this.#site(text);
    const attempt = log?.attempt ?? 1;
    let position: Position | undefined;
    const answer = this.#asksAlong(statement, { args, text })
      ? this.#router.along.query(
          { client: this.#client, node: route.node },
          args,
          (told) => (position = told),
        )
      : queryWith(this.#client, args);
    return answer.then(
      (result) => {
        this.#hasAnswered = true;
        this.#hasState ||= leavesState(statement, text);
        this.#ended(() => this.#succeeded(statement, position));
        this.#router.reports.answered(scope, { route, statement, startedMs, attempt });
        if (statement.mayWrite && this.#writes.transaction !== undefined)
          this.#router.reports.shown(scope, route);
        ended(true);
        return result;
      },
      (failure: unknown) => {
        const error = this.#pool.losses.explain(this.#client, failure);
        leadToCaller(error);
        const meaning = isConnectionEnd(error) ? meaningOfLoss(statement, site, error) : undefined;
        this.#hasAnswered ||= meaning === undefined;
        const told = meaning === undefined ? error : this.#errorOf(meaning, error);
        this.#ended(() => this.#failed(statement, { error, meaning, position }));
        // Outside a transaction what a write was told is covered by its own position.
        const isCovered = statement.mayWrite && this.#writes.transaction === undefined;
        if (meaning === undefined && !isCovered) this.#router.reports.shown(scope, route);
        if (log === undefined) this.#router.reports.failed({ route, statement, startedMs, attempt }, told);
        else log.failedTry({ route, startedMs }, told);
        const isAsAsked = meaning === 'rolled-back' && endsInRollback(statement, text);
        if (isAsAsked) this.lostTransaction = undefined;
        ended(isAsAsked);
        if (isAsAsked) return rolledBack();
        throw told;
      },
    );
  }

  /** Runs a stream or cursor; resolves when its last row has been fetched and the connection is idle again. */
  async stream(submittable: Submittable, statement: Statement, attempt: number): Promise<void> {
    if (submittable.destroyed === true) return;
    const site = this.#site(textOfSubmittable(submittable));
    const known = this.#broken;
    if (known !== undefined) return failSubmittable(submittable, this.#lost(statement, site, known));
    const scope = this.#router.contexts.ofStatement();
    const route = this.#routeOf(statement);
    const startedMs = this.#router.nowMs();
    this.#hasAnswered = true;
    this.#begins(statement);
    // Who reads the stream learns of the node with its first row; what it has been shown is known at the end.
    this.#router.reports.answered(scope, { route, statement, startedMs, attempt });
    const stream = {
      ended: idleAgain(this.#client),
      shown: () => this.#router.reports.shown(scope, route),
    };
    this.#stream = stream;
    const takeContextBack = lendContext(this.#client);
    this.#client.query(submittable as unknown as pg.Submittable);
    await stream.ended;
    takeContextBack();
    this.#stream = undefined;
    const broken = this.#broken;
    this.#ended(() => {
      this.#hasState ||= leavesState(statement, site.text);
      if (broken === undefined) this.#succeeded(statement);
      else this.#lost(statement, site, broken);
    });
    // Some rows may have come before it broke.
    stream.shown();
    if (broken !== undefined) this.#router.reports.failed({ route, statement, startedMs, attempt }, broken);
  }

  /** Gives the connection back to its pool; one that is broken, busy or still in a transaction is closed. */
  release(error?: unknown): void {
    if (this.#released) return;
    this.#released = true;
    const isOpen =
      this.#writes.transaction !== undefined ||
      this.#mayBeOpen ||
      this.#pool.transactionStatus(this.#client) !== 'I';
    const write = this.#writes.release();
    this.#stream?.shown();
    const isFaulty = this.#broken !== undefined || (error !== undefined && error !== null && error !== false);
    if (this.#stream !== undefined && !isFaulty && !isOpen) {
      const end = this.#releaseAfter(this.#stream.ended);
      if (write === undefined) end.catch(() => undefined);
      else write.happensBy(end);
      return;
    }
    // What is sent and not answered may yet happen; what is not committed never will, but was shown.
    if (this.#running > 0) write?.lost();
    else write?.happened();
    this.#giveBack(isFaulty || this.#running > 0 || isOpen);
  }

  /** A stream tells its reader of the end before the server is ready for the next statement. Rejects if that does not come. */
  async #releaseAfter(streaming: Promise<void>): Promise<void> {
    const isLost = !(await endsInTime(streaming)) || this.#broken !== undefined;
    this.#giveBack(isLost);
    if (isLost) throw new Error('a stream was given up, and the server did not say that it is ready');
  }

  #giveBack(isToBeClosed: boolean): void {
    this.#stopForwarding();
    this.#pool.letGo();
    this.#leave();
    if (isToBeClosed)
      this.#client.release(new Error('closed: broken, busy, or released inside a transaction'));
    else if (!this.#hasState) this.#client.release();
    else if (this.#onReplica) void this.#pool.parked.reset(this.#client);
    else this.#pool.parked.park(this.#client, this.#router.stateOwner);
  }

  #routeOf({ kind }: Statement): Route {
    const isOpen = this.#writes.transaction !== undefined;
    return routeOnKept(
      { route: this.#route, onReplica: this.#onReplica, isOpen, staysFor: this.#staysFor },
      kind,
    );
  }

  #begins(statement: Statement): void {
    this.#running++;
    this.#mayBeOpen = false;
    this.#writes.begins(statement);
  }

  /** Whether the statement is the one by which a write becomes visible, and the primary is asked for its position behind it. */
  #asksAlong(statement: Statement, { args, text }: QueryCall): boolean {
    if (this.#onReplica || this.#running > 1) return false;
    const write = this.#writes.endsWith(statement, text);
    if (write === undefined || !this.#router.along.mayAsk(this.#client, args)) return false;
    write.asks();
    return true;
  }

  /** A stream met a connection that is gone. */
  #lost(statement: Statement, site: LossSite, error: unknown): unknown {
    const meaning = meaningOfLoss(statement, site, error);
    const told = this.#errorOf(meaning, error);
    this.#failed(statement, { error, meaning });
    return told;
  }

  /** What the caller is told. Of a connection that was known to be gone the reason counts for which it went. */
  #errorOf(meaning: LossMeaning, error: unknown): unknown {
    if (meaning !== 'rolled-back') return errorOfLoss(meaning, this.#pool, error);
    const reason = isUnsent(error) ? (this.#broken ?? error) : error;
    this.#hasLostTransaction = true;
    return (this.lostTransaction = errorOfLoss(meaning, this.#pool, reason) as TransactionLostError);
  }

  /** As it is before the statement: a lost connection may release its client before the statement learns of it. */
  #site(text: string): LossSite {
    return { text, onReplica: this.#onReplica, transaction: this.#writes.transaction };
  }

  /** After `release()` nothing is left to be told. */
  #ended(tell: () => void): void {
    this.#running--;
    if (!this.#released) tell();
  }

  #succeeded(statement: Statement, position?: Position): void {
    if (statement.keepsConnection) this.#staysFor ??= 'session-change';
    const isOpen = this.#pool.transactionStatus(this.#client) !== 'I';
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
    // A time-out of the client's leaves the connection as it was: what counts as rolled back has to be.
    if (meaning === 'rolled-back') cutSocket(this.#client);
    this.#writes.lost(meaning);
  }
}
