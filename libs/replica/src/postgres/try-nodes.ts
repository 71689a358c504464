import type { Route } from '../routing/route.js';
import { started } from './started.js';
import { Tries, type Tried, type TryTools } from './tries.js';

/** What {@link tryNodes} works with. */
export interface TryNodesTools extends TryTools {
  /** Waits for a turn where reads that fall back on the primary are limited; gives how to leave. */
  readonly enter: (route: Route) => (() => void) | Promise<() => void>;
}

/**
 * One try on a node. It tells by itself what came of it, and calls `leave` when it needs the node no more; after a failure that
 * is done for it.
 */
export type Attempt<T> = (route: Route, leave: () => void, log: AttemptLog) => Promise<T>;

/** Where an attempt tells that it failed, and which it is, from 1. */
export type AttemptLog = Pick<Tries, 'attempt' | 'failedTry'>;

/** Tries a statement on the nodes that the rule names until one answers, or no other shall be tried. */
export function tryNodes<T>(tools: TryNodesTools, tried: Tried, attempt: Attempt<T>): Promise<T> {
  return new NodeTries(tools, tried, attempt).next();
}

/** Mostly there is nothing to wait for, and waiting for nothing is not free: a promise is made only where there is. */
class NodeTries<T> {
  readonly #tools: TryNodesTools;
  readonly #tries: Tries;
  readonly #attempt: Attempt<T>;
  readonly #gaveUp: Tried['gaveUp'];

  constructor(tools: TryNodesTools, tried: Tried, attempt: Attempt<T>) {
    this.#tools = tools;
    this.#tries = new Tries(tools, tried);
    this.#attempt = attempt;
    this.#gaveUp = tried.gaveUp;
  }

  next(): Promise<T> {
    try {
      const next = this.#tries.next();
      return next instanceof Promise
        ? next.then((route) => this.#enter(route), this.#giveUp)
        : this.#enter(next);
    } catch (error) {
      return this.#giveUp(error);
    }
  }

  #enter(route: Route): Promise<T> {
    const entered = this.#tools.enter(route);
    return entered instanceof Promise
      ? entered.then((leave) => this.#try(route, leave), this.#giveUp)
      : this.#try(route, entered);
  }

  #try(route: Route, leave: () => void): Promise<T> {
    this.#tries.goesOn();
    return started(() => this.#attempt(route, leave, this.#tries)).then(undefined, (error: unknown) => {
      leave();
      try {
        this.#tries.failed(route, error);
      } catch (final) {
        return this.#giveUp(final);
      }
      return this.next();
    });
  }

  readonly #giveUp = (error: unknown): Promise<never> => {
    this.#tries.ended(error);
    this.#gaveUp?.(error);
    return Promise.reject(error);
  };
}
