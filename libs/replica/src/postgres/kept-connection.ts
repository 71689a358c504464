import type { EventEmitter } from 'node:events';
import type pg from 'pg';
import type { Scope } from '../context/context-storage.js';
import { reasonOfKind } from '../routing/decide-route.js';
import type { Route } from '../routing/route.js';
import { queryWith, type NodePool } from './node-pool.js';
import { codeOf, isConnectionLoss } from './postgres-errors.js';
import type { Submittable } from './query-call.js';
import type { StatementRouter } from './statement-router.js';
import type { Statement } from './statements/index.js';

const FORWARDED_EVENTS = ['notification', 'notice'] as const;

/** What is kept, and why. */
export interface Keeping {
  readonly route: Route;
  readonly pool: NodePool;
  readonly client: pg.PoolClient;
  /** Why it is kept beyond transactions and streams; `undefined`: it is not. */
  readonly staysFor: 'primary-runner' | 'session-change' | undefined;
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
  /** The request in which the open transaction began, and the one that wrote in it first. */
  #transaction: { readonly scope: Scope | undefined; writer?: Scope; wrote: boolean } | undefined;
  /** Why it is kept beyond transactions: its client asked for one connection, or a statement left something on it. */
  #staysFor: Keeping['staysFor'];
  readonly #onReplica: boolean;
  #broken: unknown;
  #released = false;

  constructor(router: StatementRouter, owner: EventEmitter, { route, pool, client, staysFor }: Keeping) {
    this.#router = router;
    this.#route = route;
    this.#pool = pool;
    this.#client = client;
    this.#staysFor = staysFor;
    this.#onReplica = route.node !== router.primary;
    pool.hold();
    const onError = (error: unknown): void => {
      this.#broken = error;
      if (owner.listenerCount('error') > 0) owner.emit('error', error);
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

  /** Runs one statement and tells what came of it. */
  async run(args: readonly unknown[], statement: Statement): Promise<pg.QueryResult> {
    const scope = this.#router.contexts.current();
    const late = this.#router.contexts.surrounding();
    const route = this.#routeOf(statement);
    const startedMs = this.#router.nowMs();
    this.#writeBegins(statement, late);
    try {
      const result = await queryWith(this.#client, args);
      this.#router.answered(scope, route, statement, startedMs);
      this.#succeeded(statement, late, commandOf(result));
      return result;
    } catch (error) {
      this.#router.failed(route, statement, startedMs, error);
      this.#failed(statement, late, error);
      throw error;
    }
  }

  /** Runs a stream or cursor; resolves when its last row has been fetched and the connection is idle again. */
  async stream(submittable: Submittable, statement: Statement): Promise<void> {
    const late = this.#router.contexts.surrounding();
    this.#writeBegins(statement, late);
    this.#router.answered(
      this.#router.contexts.current(),
      this.#routeOf(statement),
      statement,
      this.#router.nowMs(),
    );
    const drained = idleAgain(this.#client);
    this.#client.query(submittable as unknown as pg.Submittable);
    await drained;
    if (this.#released) {
      if (statement.mayWrite) late?.request.wrote();
    } else if (this.#broken === undefined) this.#succeeded(statement, late, undefined);
    else this.#failed(statement, late, this.#broken);
  }

  /** Gives the connection back to its pool; one that is broken or still in a transaction is closed. */
  release(error?: unknown): void {
    if (this.#released) return;
    this.#released = true;
    for (const [event, listener] of this.#forwards) this.#client.removeListener(event, listener);
    const open = this.#transaction;
    this.#transaction = undefined;
    if (open !== undefined) {
      open.scope?.request.transactionEnded();
      if (open.wrote) open.writer?.request.writes.abandon();
    }
    this.#pool.letGo();
    const isDirty =
      open !== undefined || this.#broken !== undefined || (error !== undefined && error !== false);
    this.#client.release(isDirty ? new Error('closed: broken, or released inside a transaction') : undefined);
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

  #writeBegins(statement: Statement, scope: Scope | undefined): void {
    if (!statement.mayWrite || this.#onReplica) return;
    if (this.#transaction?.wrote === true) return;
    scope?.request.writes.begin();
    if (this.#transaction !== undefined) {
      this.#transaction.wrote = true;
      this.#transaction.writer = scope;
    }
  }

  #succeeded(statement: Statement, scope: Scope | undefined, command: string | undefined): void {
    if (statement.keepsConnection) this.#staysFor ??= 'session-change';
    const isOpen = this.#pool.transactionStatus(this.#client) !== 'I';
    const before = this.#transaction;
    if (before === undefined) {
      if (isOpen) this.#transactionBegan(scope, statement.mayWrite);
      else if (statement.mayWrite && !this.#onReplica) scope?.request.wrote();
      return;
    }
    if (isOpen && statement.transaction !== 'end') return;
    this.#transactionEnded(command !== 'ROLLBACK');
    if (isOpen) this.#transactionBegan(scope, false);
  }

  #failed(statement: Statement, scope: Scope | undefined, error: unknown): void {
    const lost = isConnectionLoss(error);
    if (lost) this.#broken = error;
    if (this.#transaction === undefined) {
      if (!statement.mayWrite || this.#onReplica) return;
      if (lost) scope?.request.writes.lose();
      else if (statement.kind === 'write' && codeOf(error) !== undefined) scope?.request.writes.abandon();
      else scope?.request.wrote();
      return;
    }
    if (!lost) return;
    // Without its COMMIT the server rolls the transaction back; with it nobody knows.
    if (statement.transaction === 'end' || statement.kind === 'unknown') {
      const { wrote, writer } = this.#transaction;
      this.#transaction.wrote = false;
      if (wrote) writer?.request.writes.lose();
    }
    this.#transactionEnded(false);
  }

  #transactionBegan(scope: Scope | undefined, wrote: boolean): void {
    this.#transaction = {
      scope: this.#onReplica ? undefined : scope,
      wrote,
      writer: wrote ? scope : undefined,
    };
    this.#transaction.scope?.request.transactionBegan();
  }

  #transactionEnded(committed: boolean): void {
    const ended = this.#transaction;
    this.#transaction = undefined;
    ended?.scope?.request.transactionEnded();
    if (ended?.wrote !== true) return;
    if (committed) ended.writer?.request.wrote();
    else ended.writer?.request.writes.abandon();
  }
}

/** Resolves when a connection has answered all that it was given, or is gone. */
function idleAgain(client: pg.PoolClient): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      client.removeListener('drain', done);
      client.removeListener('end', done);
      resolve();
    };
    client.on('drain', done);
    client.on('end', done);
  });
}

/** The command tag; of several statements nothing can be said. */
function commandOf(result: unknown): string | undefined {
  return typeof result === 'object' &&
    result !== null &&
    'command' in result &&
    typeof result.command === 'string'
    ? result.command
    : undefined;
}
