import { AsyncResource } from 'node:async_hooks';

// Any function: it is called with whatever it is called with.
// oxlint-disable-next-line typescript/no-explicit-any
type AnyFunction = (...args: any[]) => any;

/** How to call functions later in the context of the caller of this one: its request, and what other libraries keep there. */
export function callersContext(): <Fn extends AnyFunction>(
  fn: Fn,
  self: unknown,
  ...args: Parameters<Fn>
) => ReturnType<Fn> {
  const caller = new AsyncResource('nestjs-replica');
  return (fn, self, ...args) => caller.runInAsyncScope(fn, self, ...args) as ReturnType<typeof fn>;
}

/** A function that does the same as this one, in the context of the caller. */
export function bindToCaller<Fn extends AnyFunction>(fn: Fn): Fn {
  return AsyncResource.bind(fn);
}
