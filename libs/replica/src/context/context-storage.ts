import { AsyncLocalStorage } from 'node:async_hooks';
import { isPromise } from 'node:util/types';
import type { Intent } from '../routing/route-query.js';
import type { Durability } from '../routing/durability.js';
import { isThenable } from '../session/is-thenable.js';
import type { RequestContext } from './request-context.js';

/** What surrounds a statement: its request, and the intent of the innermost scope. */
export interface Scope {
  readonly request: RequestContext;
  /** The routing interceptor, `runOnPrimary()` and `runOnReplica()` each open a scope with an intent of its own. */
  readonly intent: Intent;
  /** Inside `readOnlyTransaction()`: the next transaction that begins is declared read-only. */
  readonly readOnlyTransaction?: boolean;
  /** Inside `withDurability()`: what the COMMIT of the transactions that begin waits for. */
  readonly durability?: Durability;
  /** The object in whose decorated method the caller runs. A decorator of its class applies only to calls from outside. */
  readonly inside?: object;
}

/**
 * Whether reads may be older than what the session has seen. Such reads promise nothing beyond their request, and must not take
 * the session away from its node.
 */
export function allowsStale({ consistency }: Intent): boolean {
  return consistency === 'bounded' || consistency === 'eventual';
}

/** The scopes of one data source. Two applications in one process do not see each other's scopes. */
export class ContextStorage {
  readonly #storage = new AsyncLocalStorage<Scope | undefined>();

  /** The scope around the caller; `undefined` outside any request and after the response has left. */
  current(): Scope | undefined {
    const scope = this.#storage.getStore();
    return scope === undefined || scope.request.ended ? undefined : scope;
  }

  /**
   * The scope by which a statement of the caller is routed: {@link current}, or after the response a scope that allows stale data,
   * because that promises nothing that could end with the response.
   */
  ofStatement(): Scope | undefined {
    const scope = this.#storage.getStore();
    return scope?.request.ended === true && !allowsStale(scope.intent) ? undefined : scope;
  }

  /** As {@link current}, but also after the response: for late writes. */
  surrounding(): Scope | undefined {
    return this.#storage.getStore();
  }

  /** Calls `fn` with `scope` around it and all that it starts. */
  run<T>(scope: Scope, fn: () => T): T {
    return this.#storage.run(scope, fn);
  }

  /** As {@link run}, and what `fn` gives runs there, too, if it is a query that begins only when somebody waits for it. */
  runToStart<T>(scope: Scope, fn: () => T): T {
    return this.#storage.run(scope, () => started(fn()));
  }

  /** Calls `fn` outside any request. */
  exit<T>(fn: () => T): T {
    // The storage's own exit() turns hooks off and on for the whole process.
    return this.#storage.run(undefined, fn);
  }

  /** The same function, bound to the scope around the caller. */
  bind<Args extends unknown[]>(fn: (...args: Args) => void): (...args: Args) => void {
    const scope = this.#storage.getStore();
    return scope === undefined ? fn : (...args) => this.#storage.run(scope, () => fn(...args));
  }
}

/**
 * Begins a query of Drizzle, Kysely, Knex or Prisma here and now. They return objects whose `then()` runs the query, so that otherwise it would
 * run in the context of whoever awaits it.
 */
function started<T>(result: T): T {
  if (!isThenable(result) || isPromise(result)) return result;
  return new Promise((resolve, reject) => void result.then(resolve, reject)) as T;
}
