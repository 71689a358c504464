import type { EventEmitter } from 'node:events';
import type pg from 'pg';
import type { Scope } from '../context/context-storage.js';
import { OpenWrite } from '../context/open-write.js';
import { isWrite, reasonOfKind } from '../routing/decide-route.js';
import type { Route } from '../routing/route.js';
import type { Position } from '../session/position.js';
import { errorOfLoss, meaningOfLoss, type LossMeaning, type LossSite } from './meaning-of-loss.js';
import type { NodePool } from './node-pool.js';
import { codeOf, isConnectionLoss } from './postgres-errors.js';
import { cutSocket } from './cut-socket.js';
import { idleAgain } from './idle-again.js';
import {
  commandOf,
  failSubmittable,
  leadToCaller,
  queryWith,
  textOfSubmittable,
  type QueryCall,
  type Submittable,
} from './query-call.js';
import type { StatementRouter } from './statement-router.js';
import type { Statement } from './statements/index.js';

/** Not AND CHAIN: in the transaction that this begins, a question that fails would do harm. */
const COMMIT = /^commit;?$/i;

const FORWARDED_EVENTS = ['notification', 'notice'] as const;

/** What is kept, and why. */
export interface Keeping {
  readonly route: Route;
  readonly pool: NodePool;
  readonly client: pg.PoolClient;
  /** Why it is kept beyond transactions and streams; `undefined`: it is not. */
  readonly staysFor: 'primary-runner' | 'session-change' | undefined;
  /** To be called when it is given back. */
  readonly leave: () => void;
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
  readonly #forwards: (readonly [string, (...args: unknown[]) => void])[];
  readonly #leave: () => void;
  /** The open transaction: the request in which it began, what it has written, and whether anything may have been. */
  #transaction:
    { readonly scope: Scope | undefined; write: OpenWrite | undefined; changes: boolean } | undefined;
  /** Why it is kept beyond transactions: its client asked for one connection, or a statement left something on it. */
  #staysFor: Keeping['staysFor'];
  readonly #onReplica: boolean;
  #broken: unknown;
  /** Until a statement was answered, whoever runs the first one may still go elsewhere. */
  #hasAnswered = false;
  #released = false;
  /** The write of the statement under way, outside a transaction. */
  #write: OpenWrite | undefined;
  #running = 0;
  /** Resolves when the stream under way has been read to its end. */
  #streaming: Promise<void> | undefined;

  constructor(router: StatementRouter, owner: EventEmitter, keeping: Keeping) {
    const { route, pool, client, staysFor } = keeping;
    this.#router = router;
    this.#route = route;
    this.#pool = pool;
    this.#client = client;
    this.#staysFor = staysFor;
    this.#leave = keeping.leave;
    this.#onReplica = route.node !== router.primary;
    pool.hold();
    const onError = (error: unknown): void => {
      this.#broken = error;
      if (this.#hasAnswered && owner.listenerCount('error') > 0) owner.emit('error', error);
    };
    this.#forwards = [
      ['error', onError],
      ...FORWARDED_EVENTS.map(
        (event) => [event, (...args: unknown[]) => void owner.emit(event, ...args)] as const,
      ),
    ];
    for (const [event, listener] of this.#forwards) client.on(event as 'error', listener);
  }

  /** Nothing on the connection binds it to its client any more. */
  get isFree(): boolean {
    return this.#transaction === undefined && this.#staysFor === undefined;
  }

  /** Its connection was lost before it gave any answer: it is good for nothing, and its owner was not told. */
  get isStillborn(): boolean {
    return this.#broken !== undefined && !this.#hasAnswered;
  }

  /** Runs one statement and tells what came of it: `ended` last, before whoever awaits the answer. */
  run(
    { args, text }: QueryCall,
    statement: Statement,
    ended: (isAnswered: boolean) => void,
  ): Promise<pg.QueryResult> {
    const scope = this.#router.contexts.current();
    const route = this.#routeOf(statement);
    const startedMs = this.#router.nowMs();
    this.#begins(statement);
    const site = this.#site(text);
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
        this.#ended(() => this.#succeeded(statement, commandOf(result), position));
        this.#router.reports.answered(scope, route, statement, startedMs);
        ended(true);
        return result;
      },
      (failure: unknown) => {
        const error = this.#pool.losses.explain(this.#client, failure);
        leadToCaller(error);
        const meaning = isConnectionLoss(error) ? meaningOfLoss(statement, site, error) : undefined;
        this.#hasAnswered ||= meaning === undefined;
        this.#ended(() => this.#failed(statement, error, meaning));
        const told = meaning === undefined ? error : errorOfLoss(meaning, this.#pool, error);
        this.#router.reports.failed(route, statement, startedMs, told);
        ended(false);
        throw told;
      },
    );
  }

  /** Runs a stream or cursor; resolves when its last row has been fetched and the connection is idle again. */
  async stream(submittable: Submittable, statement: Statement): Promise<void> {
    if (submittable.destroyed === true) return;
    if (this.#broken !== undefined) return failSubmittable(submittable, this.#broken);
    const scope = this.#router.contexts.current();
    const route = this.#routeOf(statement);
    const startedMs = this.#router.nowMs();
    this.#hasAnswered = true;
    this.#begins(statement);
    const site = this.#site(textOfSubmittable(submittable));
    // Who reads the stream learns of the node with its first row; what it has been shown is known at the end.
    this.#router.reports.answered(scope, route, statement, startedMs);
    this.#streaming = idleAgain(this.#client);
    this.#client.query(submittable as unknown as pg.Submittable);
    await this.#streaming;
    this.#streaming = undefined;
    const broken = this.#broken;
    this.#ended(() => {
      if (broken === undefined) this.#succeeded(statement, undefined);
      else this.#failed(statement, broken, meaningOfLoss(statement, site, broken));
    });
    if (broken === undefined) this.#router.reports.shown(scope, route, statement);
    else this.#router.reports.failed(route, statement, startedMs, broken);
  }

  /** Gives the connection back to its pool; one that is broken, busy or still in a transaction is closed. */
  release(error?: unknown): void {
    if (this.#released) return;
    this.#released = true;
    const transaction = this.#transaction;
    this.#transaction = undefined;
    const isOpen = transaction !== undefined || this.#pool.transactionStatus(this.#client) !== 'I';
    transaction?.scope?.request.transactionEnded();
    // What is sent and not answered may yet happen; what is not committed never will.
    if (this.#running > 0) (transaction?.write ?? this.#write)?.lost();
    else transaction?.write?.abandoned();
    const isFaulty = this.#broken !== undefined || (error !== undefined && error !== null && error !== false);
    if (this.#streaming !== undefined && !isFaulty && !isOpen) void this.#releaseAfter(this.#streaming);
    else this.#giveBack(isFaulty || this.#running > 0 || isOpen);
  }

  /** A stream tells its reader of the end before the server is ready for the next statement. */
  async #releaseAfter(streaming: Promise<void>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<true>((resolve) => (timer = setTimeout(resolve, STREAM_END_MS, true)));
    const isLate = await Promise.race([streaming, late]);
    clearTimeout(timer);
    this.#giveBack(isLate === true || this.#broken !== undefined);
  }

  #giveBack(isToBeClosed: boolean): void {
    for (const [event, listener] of this.#forwards) this.#client.removeListener(event, listener);
    this.#pool.letGo();
    this.#leave();
    this.#client.release(
      isToBeClosed ? new Error('closed: broken, busy, or released inside a transaction') : undefined,
    );
  }

  /** What a statement on a kept connection is routed by: itself, or what keeps the connection. */
  #routeOf({ kind }: Statement): Route {
    const { node, reason } = this.#route;
    const isOpen = this.#transaction !== undefined;
    if (this.#onReplica) return isOpen ? { node, reason: 'read-only-transaction' } : this.#route;
    if (reason === 'routing-disabled') return this.#route;
    if (kind !== 'read') return { node, reason: reasonOfKind(kind) };
    return isOpen
      ? { node, reason: 'transaction' }
      : this.#staysFor !== undefined
        ? { node, reason: this.#staysFor }
        : this.#route;
  }

  #begins(statement: Statement): void {
    this.#running++;
    if (this.#transaction !== undefined && isWrite(statement.kind)) this.#transaction.changes = true;
    if (!statement.mayWrite || this.#onReplica) return;
    const request = this.#router.contexts.surrounding()?.request;
    if (this.#transaction === undefined) this.#write ??= new OpenWrite(request);
    else this.#transaction.write ??= new OpenWrite(request);
  }

  /** Whether the statement is the one by which a write becomes visible, and the primary is asked for its position behind it. */
  #asksAlong({ kind, transaction }: Statement, { args, text }: QueryCall): boolean {
    if (this.#onReplica || this.#running > 1) return false;
    const isAlone = this.#transaction === undefined && kind === 'write' && transaction === undefined;
    const write = isAlone ? this.#write : COMMIT.test(text) ? this.#transaction?.write : undefined;
    if (write?.isWatched !== true || !this.#router.along.mayAsk(this.#client, args)) return false;
    write.asks();
    return true;
  }

  /** As it is before the statement: a lost connection may release its client before the statement learns of it. */
  #site(text: string): LossSite {
    return { text, onReplica: this.#onReplica, transaction: this.#transaction };
  }

  /** After `release()` nothing is left to be told. */
  #ended(tell: () => void): void {
    this.#running--;
    if (!this.#released) tell();
  }

  #succeeded(statement: Statement, command: string | undefined, position?: Position): void {
    if (statement.keepsConnection) this.#staysFor ??= 'session-change';
    const isOpen = this.#pool.transactionStatus(this.#client) !== 'I';
    if (this.#transaction === undefined) {
      if (isOpen) this.#transactionBegan(statement);
      else this.#takeWrite()?.happened(position);
    } else if (!isOpen || statement.transaction === 'end') {
      this.#transactionEnded((write) =>
        command === 'ROLLBACK' ? write.abandoned() : write.happened(position),
      );
      if (isOpen) this.#transactionBegan(statement);
    }
  }

  #failed(statement: Statement, error: unknown, meaning: LossMeaning | undefined): void {
    if (meaning !== undefined) {
      this.#broken = error;
      // A time-out of the client's leaves the connection as it was: what counts as rolled back has to be.
      if (meaning === 'rolled-back') cutSocket(this.#client);
      const tell = (write: OpenWrite): void =>
        meaning === 'commit-unknown' || meaning === 'write-unknown' ? write.lost() : write.abandoned();
      const write = this.#takeWrite();
      if (write !== undefined) tell(write);
      if (this.#transaction !== undefined) this.#transactionEnded(tell);
    } else if (this.#transaction === undefined) {
      const write = this.#takeWrite();
      if (statement.kind === 'write' && codeOf(error) !== undefined) write?.abandoned();
      else write?.happened();
    }
  }

  #takeWrite(): OpenWrite | undefined {
    const write = this.#write;
    this.#write = undefined;
    return write;
  }

  #transactionBegan({ kind }: Statement): void {
    const scope = this.#onReplica ? undefined : this.#router.contexts.surrounding();
    this.#transaction = { scope, write: this.#takeWrite(), changes: isWrite(kind) };
    scope?.request.transactionBegan();
  }

  #transactionEnded(tell: (write: OpenWrite) => void): void {
    const ended = this.#transaction;
    this.#transaction = undefined;
    ended?.scope?.request.transactionEnded();
    if (ended?.write !== undefined) tell(ended.write);
  }
}

/** How long a stream that was read to its end may take until the connection is idle; milliseconds. */
const STREAM_END_MS = 1_000;
