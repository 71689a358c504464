import pg from 'pg';
import type { Route } from '../routing/route.js';
import { runAfterLoss } from './after-loss.js';
import { CallerEmitter } from './caller-emitter.js';
import { KeptConnection } from './kept-connection.js';
import {
  failSubmittable,
  leadToCaller,
  parseQueryCall,
  textOfSubmittable,
  type QueryCall,
  type Submittable,
} from './query-call.js';
import { started } from './started.js';
import type { StatementRouter } from './statement-router.js';
import type { TransactionStatus } from './node-connections.js';
import type { Statement } from './statements/index.js';
import type { AttemptLog } from './try-nodes.js';
import type { TransactionLostError } from '../errors/transaction-lost.error.js';

/**
 * A client as `pg` gives it out, that stands for all nodes: each statement gets a connection to the node that the rule
 * chooses. Three states:
 *
 * - idle: a read takes a connection for itself alone; anything else keeps one, on the primary.
 * - kept: a transaction is open, a stream flows, or a statement left something on the connection (`SET`, a temporary
 *   table, `LISTEN`): all statements go there. It ends with the transaction or stream, or when the client is released.
 *   A client of the primary's pool keeps its first connection for as long as it lives, as with `pg`.
 * - released: gives nothing out any more.
 *
 * Statements of one client run one after the other, in the order in which they were given, as with `pg`.
 */
export class RoutingClient extends CallerEmitter {
  readonly #router: StatementRouter;
  readonly #primaryRunner: boolean;
  #kept: KeptConnection | undefined;
  /** Where the connection leads that is kept, or was kept last. */
  #keptNode = '';
  /** How many statements were given, the number of the last that is known to be answered, and what the last one comes to. */
  #given = 0;
  #answered = 0;
  #last: Promise<unknown> | undefined;
  /** The node that gave the last answer. */
  #node: string | undefined;
  /** The connection of the statement that failed last was lost before it gave any answer. */
  #isStillborn = false;
  /** The transaction that was open on a connection that is gone, until it is ended. */
  #lostTransaction: TransactionLostError | undefined;
  #released = false;
  #types: pg.TypeOverrides | undefined;

  constructor(router: StatementRouter, primaryRunner: boolean) {
    super(router.contexts);
    this.#router = router;
    this.#primaryRunner = primaryRunner;
  }

  /** The server's process behind the connection that is kept; `null` while none is. */
  get processID(): number | null {
    return (this.#kept?.client as { processID?: number | null } | undefined)?.processID ?? null;
  }

  /** What the server last said of the connection that is kept. */
  getTransactionStatus(): TransactionStatus {
    const kept = this.#kept;
    return kept === undefined ? 'I' : this.#router.pool(this.#keptNode).transactionStatus(kept.client);
  }

  escapeIdentifier(text: string): string {
    return pg.escapeIdentifier(text);
  }

  escapeLiteral(text: string): string {
    return pg.escapeLiteral(text);
  }

  /** For what this client queries, wherever it runs; unlike with `pg` it ends with the client. */
  setTypeParser(...args: Parameters<pg.TypeOverrides['setTypeParser']>): void {
    (this.#types ??= new pg.TypeOverrides()).setTypeParser(...args);
  }

  getTypeParser(...args: Parameters<pg.TypeOverrides['getTypeParser']>): unknown {
    return (this.#types ?? pg.types).getTypeParser(...args);
  }

  /** Resolves when all that was given is answered, or has failed. */
  async whenIdle(): Promise<void> {
    await this.#last?.catch(() => undefined);
  }

  /** As `query` of a `pg` client: a text or a config, with values, by promise or callback; or a stream or cursor. */
  query(...args: unknown[]): unknown {
    const call =
      this.#types === undefined ? parseQueryCall(args) : withTypes(parseQueryCall(args), this.#types);
    if (call.submittable !== undefined) {
      this.#queryStream(call.submittable);
      return call.submittable;
    }
    const outcome = this.#inOrder((ended) => this.#run(call, ended));
    if (call.callback === undefined) return outcome;
    const { callback } = call;
    outcome.then(
      (result) => callback(null, result),
      (error: unknown) => callback(error),
    );
    return undefined;
  }

  /** How many statements it was given. */
  get given(): number {
    return this.#given;
  }

  /** The node that answered the statement of this number, counted from 1; `undefined` unless it was the last one, and was answered. */
  answeredBy(number: number): string | undefined {
    return this.#given === number && this.#answered === number ? this.#node : undefined;
  }

  /** Gives the connection back, if one is kept. A transaction that is open then is rolled back. */
  release(error?: unknown): void {
    if (this.#released)
      throw new Error('Release called on client which has already been released to the pool.');
    this.#released = true;
    this.#kept?.release(error);
    this.#kept = undefined;
    this.removeAllListeners();
  }

  /**
   * The promise chain is only built when statements overlap. A task calls `ended` when its statement was answered; one that does
   * not costs its successor the chain, and no more. Nobody but the caller waits for what is returned: else stacks do not lead to him.
   */
  #inOrder<T>(task: (ended: (node: string) => void) => Promise<T>): Promise<T> {
    const number = ++this.#given;
    const begin = (): Promise<T> =>
      task((node) => {
        this.#answered = number;
        this.#node = node;
      });
    const run =
      this.#answered === number - 1 ? started(begin) : (this.#last as Promise<unknown>).then(begin, begin);
    this.#last = run;
    return run;
  }

  #run(call: QueryCall, ended: Given['ended']): Promise<pg.QueryResult> {
    const statement = this.#router.admit(call.text);
    return statement instanceof Promise
      ? statement.then((admitted) => this.#runAdmitted({ call, statement: admitted, ended }))
      : this.#runAdmitted({ call, statement, ended });
  }

  #runAdmitted(given: Given): Promise<pg.QueryResult> {
    const { call, statement, ended } = given;
    if (this.#released) throw new Error('Client was released and cannot be queried any more');
    if (this.#lostTransaction !== undefined)
      return this.#runAfterLoss(this.#lostTransaction, statement, call.text);
    const kept = this.#kept ?? this.#findParked();
    if (kept !== undefined) return this.#runKept(kept, given);
    if (statement.kind === 'read' && statement.isCopy !== true && !this.#primaryRunner)
      return this.#router.read({ args: call.args, text: call.text, statement, ended });
    return this.#runFirst(given);
  }

  /**
   * The first statement on a connection that is kept from then on. Where it never reached a node, or is one that may be
   * sent twice, it is tried elsewhere: then the client's owner does not learn that a connection was lost.
   */
  #runFirst(given: Given): Promise<pg.QueryResult> {
    const { call, statement } = given;
    const scope = this.#router.contexts.ofStatement();
    const readOnlyTransaction =
      statement.transaction === 'begin' && scope?.readOnlyTransaction === true && !this.#primaryRunner;
    const conditions = { text: call.text, primaryRunner: this.#primaryRunner, readOnlyTransaction };
    const gaveUp = (error: unknown): void => {
      if (this.#isStillborn && this.listenerCount('error') > 0) this.emit('error', error);
    };
    return this.#router.attempt({ statement, scope, conditions, gaveUp }, (route, leave, log) => {
      this.#isStillborn = false;
      return this.#keep({ route, leave }, log).then((kept) => this.#runKept(kept, { ...given, log }));
    });
  }

  /** A connection on which an earlier client of the same request, or outside any, left something: its owner finds it again. */
  #findParked(): KeptConnection | undefined {
    const node = this.#router.primary;
    const pool = this.#router.pool(node);
    const client = pool.parked.size === 0 ? undefined : pool.parked.take(this.#router.stateOwner);
    if (client === undefined) return undefined;
    this.#keptNode = node;
    return (this.#kept = new KeptConnection(this.#router, this, {
      route: { node, reason: 'session-change' },
      pool,
      client,
      staysFor: this.#primaryRunner ? 'primary-runner' : 'session-change',
      hasState: true,
      leave: () => undefined,
    }));
  }

  #runKept(kept: KeptConnection, given: Given): Promise<pg.QueryResult> {
    return kept.run(given, (isAnswered) => {
      if (isAnswered) given.ended(this.#keptNode);
      this.#isStillborn = kept.isStillborn;
      this.#endIfDone(kept);
    });
  }

  #runAfterLoss(lost: TransactionLostError, statement: Statement, text: string): Promise<pg.QueryResult> {
    if (statement.transaction === 'end') this.#lostTransaction = undefined;
    return Promise.resolve(runAfterLoss(lost, statement, text));
  }

  #endIfDone(kept: KeptConnection): void {
    if (this.#kept !== kept || !(kept.isFree || kept.isUseless)) return;
    this.#lostTransaction = kept.lostTransaction;
    this.#kept = undefined;
    kept.release();
  }

  /** The stream is given back at once, as `pg` does; its rows wait for the connection. */
  #queryStream(submittable: Submittable): void {
    this.#inOrder(async () => {
      const text = textOfSubmittable(submittable);
      const statement = await this.#router.admit(text);
      if (this.#lostTransaction !== undefined) runAfterLoss(this.#lostTransaction, statement, text);
      let attempt = 1;
      const kept =
        this.#kept ??
        this.#findParked() ??
        (await this.#keepForStream(text, statement, (which) => (attempt = which)));
      await kept.stream(submittable, statement, attempt);
      this.#endIfDone(kept);
    }).catch((error: unknown) => failSubmittable(submittable, error));
  }

  #keepForStream(
    text: string,
    statement: Statement,
    onAttempt: (attempt: number) => void,
  ): Promise<KeptConnection> {
    if (this.#released) throw new Error('Client was released and cannot be queried any more');
    const scope = this.#router.contexts.ofStatement();
    const conditions = { text, primaryRunner: this.#primaryRunner };
    return this.#router.attempt({ statement, scope, conditions }, (route, leave, log) => {
      onAttempt(log.attempt);
      return this.#keep({ route, leave }, log);
    });
  }

  #keep({ route, leave }: { route: Route; leave: () => void }, log: AttemptLog): Promise<KeptConnection> {
    const pool = this.#router.pool(route.node);
    const startedMs = this.#router.nowMs();
    return pool.checkout().then(
      (client) => {
        const staysFor = this.#primaryRunner ? 'primary-runner' : undefined;
        const kept = new KeptConnection(this.#router, this, { route, pool, client, staysFor, leave });
        if (this.#released) {
          kept.release();
          throw new Error('Client was released while it waited for a connection');
        }
        this.#kept = kept;
        this.#keptNode = route.node;
        return kept;
      },
      (error: unknown) => {
        leadToCaller(error);
        log.failedTry({ route, startedMs }, error);
        throw error;
      },
    );
  }
}

function withTypes(call: QueryCall, types: pg.TypeOverrides): QueryCall {
  if (call.submittable !== undefined) return call;
  const [query, values] = call.args;
  const config = typeof query === 'string' ? { text: query } : (query as object);
  return { ...call, args: [{ types, ...config }, values] };
}

/** A statement as it was given; `ended`: it was answered, by this node. */
interface Given {
  readonly call: QueryCall;
  readonly statement: Statement;
  readonly ended: (node: string) => void;
  /** Where it may be tried elsewhere. */
  readonly log?: AttemptLog;
}
