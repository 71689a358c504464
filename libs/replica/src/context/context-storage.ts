import { AsyncLocalStorage } from 'node:async_hooks';
import type { Intent } from '../routing/route-query.js';
import type { RequestContext } from './request-context.js';

/** What surrounds a statement: its request, and the innermost scope's intent. */
export interface Scope {
  readonly request: RequestContext;
  /** The routing interceptor, `runOnPrimary()` and `runOnReplica()` each open a scope with their own. */
  readonly intent: Intent;
  /** Inside `readOnlyTransaction()`: the next transaction that begins is declared read-only. */
  readonly readOnlyTransaction?: boolean;
  /** The object inside whose decorated method the caller runs: a decorator of its class counts for calls from outside. */
  readonly inside?: object;
}

/**
 * Its reads have leave to be older than what the session has seen: they promise nobody anything beyond their request, and must not take
 * the session away from the node that it reads from.
 */
export function allowsStale({ consistency }: Intent): boolean {
  return consistency === 'bounded' || consistency === 'eventual';
}

/** The scopes of one data source: two applications in one process do not see each other's. */
export class ContextStorage {
  readonly #storage = new AsyncLocalStorage<Scope | undefined>();

  /** The scope around the caller; `undefined` outside any request, and after its response has left. */
  current(): Scope | undefined {
    const scope = this.#storage.getStore();
    return scope === undefined || scope.request.ended ? undefined : scope;
  }

  /**
   * The scope that a statement of the caller's is routed by: {@link current}; after the response also one whose intent promises nobody
   * anything, for that goes on to be true.
   */
  ofStatement(): Scope | undefined {
    const scope = this.#storage.getStore();
    return scope?.request.ended === true && !allowsStale(scope.intent) ? undefined : scope;
  }

  /** As {@link current}, but also after the response: for what is written late. */
  surrounding(): Scope | undefined {
    return this.#storage.getStore();
  }

  /** Calls `fn` with `scope` around it and all that it starts. */
  run<T>(scope: Scope, fn: () => T): T {
    return this.#storage.run(scope, fn);
  }

  /** Calls `fn` outside any request. */
  exit<T>(fn: () => T): T {
    // Its own exit() turns hooks off and on for the whole process.
    return this.#storage.run(undefined, fn);
  }

  /** The function, to be called later in the scope around the caller. */
  bind<Args extends unknown[]>(fn: (...args: Args) => void): (...args: Args) => void {
    const scope = this.#storage.getStore();
    return scope === undefined ? fn : (...args) => this.#storage.run(scope, () => fn(...args));
  }
}
