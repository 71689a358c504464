import { CallerEmitter } from './caller-emitter.js';
import type { AttemptedStatement } from './attempts/attempt-tools.js';
import { Attempts } from './attempts/attempts.js';
import { PooledRead } from './attempts/pooled-read.js';
import type { DurableRuns } from './pinned/durable-run.js';
import { endsInRollback } from './pinned/loss-meaning.js';
import { PinnedConnection } from './pinned/pinned-connection.js';
import type { PinnedStatement } from './pinned/pinned-statement.js';
import type { Answer, Connection, StatementCall, StreamCall, TransactionStatus } from './database.js';
import type { Route } from '../routing/route.js';
import { TransactionLostError } from '../errors/transaction-lost.error.js';
import { isTraced, traced, type StatementTrace } from './statement-trace.js';
import type { StatementRouter } from './statement-router.js';
import type { Statement } from './statements/statement.js';

/** A statement in the order of its client. `ended` is called with the node that answered it. */
interface ClientStatement extends PinnedStatement {
  readonly ended: (node: string) => void;
}

/**
 * A client that stands for all nodes: each statement runs on a connection to the node that the rule chooses. Each database gives
 * the client the shape of its driver's clients. It has three states:
 *
 * - idle: a read runs on a pooled connection. Anything else pins one, usually to the primary.
 * - pinned: a transaction is open, a stream flows, or a statement left something on the connection (a setting, a temporary
 *   table). All statements go there. This state ends with the transaction or stream, or with the release of the client. A client
 *   of the primary's pool keeps its first connection pinned as long as it lives, as with the driver alone.
 * - released: it runs nothing more.
 *
 * The statements of one client run one after the other, in the order in which the application passed them in.
 */
export abstract class RoutedClient extends CallerEmitter {
  protected readonly router: StatementRouter;
  readonly #primaryRunner: boolean;
  #pinned: PinnedConnection | undefined;
  /** The node of the connection that is pinned, or was pinned last. */
  #pinnedNode = '';
  /** The number of statements so far, the number of the last one known to be answered, and the promise of the last one. */
  #statementCount = 0;
  #answered = 0;
  #last: Promise<unknown> | undefined;
  /** The node that answered last. */
  #node: string | undefined;
  /** The last failed statement lost its connection before that connection had given any answer. */
  #wasLostBeforeFirstAnswer = false;
  /** The transaction that was open when its connection was lost, until the application ends it. */
  #lostTransaction: TransactionLostError | undefined;
  #released = false;

  /** @param primaryRunner whether everything goes to the primary */
  constructor(router: StatementRouter, primaryRunner: boolean) {
    super(router.contexts);
    this.router = router;
    this.#primaryRunner = primaryRunner;
  }

  /** Resolves when all statements so far have been answered or have failed. */
  async whenIdle(): Promise<void> {
    await this.#last?.catch(() => undefined);
  }

  /** The number of statements so far. */
  get statementCount(): number {
    return this.#statementCount;
  }

  /**
   * The node that answered the statement of this number, counted from 1. `undefined` unless that is the last statement and it has
   * been answered.
   */
  answeredBy(number: number): string | undefined {
    return this.#statementCount === number && this.#answered === number ? this.#node : undefined;
  }

  /** Returns the connection, if one is pinned. A transaction that is still open is rolled back. */
  release(error?: unknown): void {
    if (this.#released)
      throw new Error('Release called on client which has already been released to the pool.');
    this.#released = true;
    this.#pinned?.release(error);
    this.#pinned = undefined;
    this.removeAllListeners();
  }

  /** The pinned connection, or `undefined`. */
  protected get connection(): Connection | undefined {
    return this.#pinned?.connection;
  }

  /** The status of the pinned connection as the server last reported it. */
  protected get transactionStatus(): TransactionStatus {
    const { connection } = this;
    return connection === undefined ? 'idle' : this.router.database.statusOf(connection);
  }

  /** Runs one statement after the previous ones. */
  protected run(call: StatementCall): Promise<Answer> {
    if (!isTraced()) return this.#run(call, undefined);
    const trace = this.router.traceOf(call.text);
    return traced(trace, () => this.#run(call, trace));
  }

  #run(call: StatementCall, trace: StatementTrace | undefined): Promise<Answer> {
    return this.#inOrder((ended) => {
      const statement = this.router.admit(call.text);
      return statement instanceof Promise
        ? statement.then((admitted) => this.#runAdmitted({ call, statement: admitted, trace, ended }))
        : this.#runAdmitted({ call, statement, trace, ended });
    });
  }

  /** Runs a stream after the previous statements. Its rows wait for the connection. */
  protected stream(stream: StreamCall): void {
    const trace = isTraced() ? this.router.traceOf(stream.text) : undefined;
    const run = (): Promise<void> => this.#stream(stream, trace);
    (trace === undefined ? run() : traced(trace, run)).catch((error: unknown) => stream.fail(error));
  }

  #stream(stream: StreamCall, trace: StatementTrace | undefined): Promise<void> {
    return this.#inOrder(async () => {
      const { text } = stream;
      const statement = await this.router.admit(text);
      if (this.#lostTransaction !== undefined) this.#runAfterLoss(this.#lostTransaction, statement, text);
      const pinned = this.#pinned ?? this.#findParked();
      if (pinned !== undefined) return this.#streamOn(pinned, { stream, statement, trace });
      this.#assertNotReleased();
      const attempted = this.#attempted(text, statement, trace);
      const first = new FirstPinned(this, attempted, (connection, how) =>
        Promise.resolve({ connection, ...how }),
      );
      const { connection, ...how } = await first.start();
      await this.#streamOn(connection, { stream, trace, ...how });
    });
  }

  /**
   * Builds the promise chain only when statements overlap. A task calls `ended` when its statement was answered. If it does not,
   * the next statement only pays for the chain. Nothing but the caller waits for the promise returned here, because otherwise
   * stack traces would not lead to the caller.
   */
  #inOrder<T>(task: (ended: (node: string) => void) => Promise<T>): Promise<T> {
    const number = ++this.#statementCount;
    const begin = (): Promise<T> =>
      task((node) => {
        this.#answered = number;
        this.#node = node;
      });
    const run =
      this.#answered === number - 1 ? startTask(begin) : (this.#last as Promise<unknown>).then(begin, begin);
    this.#last = run;
    return run;
  }

  #runAdmitted(given: ClientStatement): Promise<Answer> {
    const { call, statement, trace, ended } = given;
    this.#assertNotReleased();
    if (this.#lostTransaction !== undefined)
      return Promise.resolve(this.#runAfterLoss(this.#lostTransaction, statement, call.text));
    const pinned = this.#pinned ?? this.#findParked();
    if (pinned !== undefined) return this.#runOn(pinned, given);
    const { router } = this;
    if (statement.kind === 'read' && statement.isCopy !== true && !this.#primaryRunner) {
      const conditions = { text: call.text, primaryRunner: false };
      const scope = router.contexts.ofStatement();
      return new PooledRead(router, { call, statement, scope, conditions, trace, ended }).start();
    }
    return new FirstPinned(this, this.#attempted(call.text, statement, trace), (connection, how) =>
      this.#runOn(connection, { ...given, ...how }),
    ).start();
  }

  #attempted(text: string, statement: Statement, trace: StatementTrace | undefined): AttemptedStatement {
    const scope = this.router.contexts.ofStatement();
    const primaryRunner = this.#primaryRunner;
    const readOnlyTransaction =
      statement.transaction === 'begin' && scope?.readOnlyTransaction === true && !primaryRunner;
    return { statement, scope, trace, conditions: { text, primaryRunner, readOnlyTransaction } };
  }

  /** A connection on which an earlier client of the same request left something (or, outside requests, any earlier client). */
  #findParked(): PinnedConnection | undefined {
    const { router } = this;
    const node = router.primary;
    const pool = router.pool(node);
    const connection = pool.parked.size === 0 ? undefined : pool.parked.take(router.stateOwner);
    if (connection === undefined) return undefined;
    this.#pinnedNode = node;
    return (this.#pinned = new PinnedConnection(router, this, {
      route: { node, reason: 'session-change' },
      pool,
      connection,
      pinReason: this.#primaryRunner ? 'primary-runner' : 'session-change',
      hasState: true,
      endTurn: () => undefined,
    }));
  }

  /** @internal Pins a connection to the route's node. `takeTurn` returns the function to call when the connection is returned. */
  pin(route: Route, takeTurn: () => () => void): Promise<PinnedConnection> {
    this.#wasLostBeforeFirstAnswer = false;
    const pool = this.router.pool(route.node);
    return pool.checkout().then((connection) => {
      const pinReason = this.#primaryRunner ? 'primary-runner' : undefined;
      const endTurn = takeTurn();
      const pinned = new PinnedConnection(this.router, this, { route, pool, connection, pinReason, endTurn });
      if (this.#released) {
        pinned.release();
        throw new Error('Client was released while it waited for a connection');
      }
      this.#pinned = pinned;
      this.#pinnedNode = route.node;
      return pinned;
    });
  }

  /** @internal The first statement on a pinned connection has failed for good. */
  gaveUp(error: unknown): void {
    if (this.#wasLostBeforeFirstAnswer && this.listenerCount('error') > 0) this.emit('error', error);
  }

  #runOn(pinned: PinnedConnection, given: ClientStatement): Promise<Answer> {
    const { durable } = this.router;
    return durable?.concerns(pinned, given.statement) === true
      ? this.#runDurably(durable, pinned, given)
      : this.#runPlainly(pinned, given);
  }

  /** To the application it is one statement, whatever is sent with it. */
  async #runDurably(
    durable: DurableRuns,
    pinned: PinnedConnection,
    { ended, ...given }: ClientStatement,
  ): Promise<Answer> {
    const node = this.#pinnedNode;
    const run = (statement: PinnedStatement): Promise<Answer> =>
      this.#runPlainly(pinned, { ...statement, ended: () => undefined });
    const answer = await durable.run(given, { pinned, node, run });
    ended(node);
    return answer;
  }

  #runPlainly(pinned: PinnedConnection, given: ClientStatement): Promise<Answer> {
    return pinned.run(given, (isAnswered) => {
      if (isAnswered) given.ended(this.#pinnedNode);
      this.#wasLostBeforeFirstAnswer = pinned.wasLostBeforeFirstAnswer;
      this.#unpinIfDone(pinned);
    });
  }

  async #streamOn(
    pinned: PinnedConnection,
    { stream, ...how }: Omit<PinnedStatement, 'call'> & { readonly stream: StreamCall },
  ): Promise<void> {
    this.router.durable?.assertMayStream(pinned, how.statement);
    await pinned.stream(stream, how);
    this.#unpinIfDone(pinned);
  }

  /**
   * What a statement comes to after the client's transaction was lost with its connection. The server has rolled the transaction
   * back, so ROLLBACK succeeds. Anything else throws a `TransactionLostError`, because outside the transaction it would mean
   * something different.
   */
  #runAfterLoss({ node, cause }: TransactionLostError, statement: Statement, text: string): Answer {
    if (statement.transaction === 'end') this.#lostTransaction = undefined;
    if (endsInRollback(statement, text)) return this.router.database.rolledBack();
    throw new TransactionLostError(node, cause);
  }

  #unpinIfDone(pinned: PinnedConnection): void {
    if (this.#pinned !== pinned || !(pinned.isFree || pinned.isUseless)) return;
    this.#lostTransaction = pinned.lostTransaction;
    this.#pinned = undefined;
    pinned.release();
  }

  #assertNotReleased(): void {
    if (this.#released) throw new Error('Client was released and cannot be queried any more');
  }
}

/** How to run the first statement on a pinned connection. */
interface FirstAttempt {
  readonly statement: Statement;
  readonly attempt: number;
}

/**
 * The first statement on a connection that stays pinned afterwards. If it reached no node, or if it is safe to send twice,
 * another node may get it. Then the client's owner never learns that a connection was lost.
 */
class FirstPinned<T> extends Attempts<T> {
  readonly #client: RoutedClient;
  readonly #use: (pinned: PinnedConnection, how: FirstAttempt) => Promise<T>;

  constructor(
    client: RoutedClient,
    attempted: AttemptedStatement,
    use: (pinned: PinnedConnection, how: FirstAttempt) => Promise<T>,
  ) {
    super(client['router'], attempted);
    this.#client = client;
    this.#use = use;
  }

  protected override runOn(route: Route): Promise<T> {
    const { statement, attempt } = this;
    return this.#client
      .pin(route, () => this.takeTurn())
      .then((pinned) => this.#use(pinned, { statement, attempt }));
  }

  protected override answered(): void {
    // The pinned connection has already reported it.
  }

  protected override gaveUp(error: unknown): void {
    this.#client.gaveUp(error);
  }
}

/** Starts a task. If the task throws right away, returns a rejected promise instead. */
function startTask<T>(task: () => Promise<T>): Promise<T> {
  try {
    return task();
  } catch (error) {
    return Promise.reject(error);
  }
}
