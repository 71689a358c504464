import type { Route } from '../routing/route.js';
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
export type Attempt<T> = (route: Route, leave: () => void) => Promise<T>;

/** Tries a statement on the nodes that the rule names until one answers, or no other shall be tried. */
export async function tryNodes<T>(tools: TryNodesTools, tried: Tried, attempt: Attempt<T>): Promise<T> {
  const tries = new Tries(tools, tried);
  for (;;) {
    // Mostly there is nothing to wait for, and waiting for nothing is not free.
    const next = tries.next();
    const route = next instanceof Promise ? await next : next;
    const entered = tools.enter(route);
    const leave = entered instanceof Promise ? await entered : entered;
    try {
      return await attempt(route, leave);
    } catch (error) {
      leave();
      tries.failed(route, error);
    }
  }
}
