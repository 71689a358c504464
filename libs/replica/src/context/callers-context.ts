import { AsyncResource } from 'node:async_hooks';

// Any function at all: its arguments are passed on.
// oxlint-disable-next-line typescript/no-explicit-any
type AnyFunction = (...args: any[]) => any;

/**
 * Remembers the caller's asynchronous context: its request, and what other libraries keep there. The result calls functions in
 * that context later.
 */
export function callersContext(): <Fn extends AnyFunction>(
  fn: Fn,
  self: unknown,
  ...args: Parameters<Fn>
) => ReturnType<Fn> {
  const caller = new AsyncResource('nestjs-replica');
  return (fn, self, ...args) => caller.runInAsyncScope(fn, self, ...args) as ReturnType<typeof fn>;
}

/** The same function, bound to the asynchronous context of whoever calls `bindToCaller()`. */
export function bindToCaller<Fn extends AnyFunction>(fn: Fn): Fn {
  return AsyncResource.bind(fn);
}
