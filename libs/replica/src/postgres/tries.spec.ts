import { expect, it } from '@jest/globals';
import type { Route } from '../routing/route.js';
import { PoolBusyError } from '../errors/pool-busy.error.js';
import { RetryBudget } from './retry-budget.js';
import { Tries, type TryTools } from './tries.js';

it('lets a read leave a busy replica three times, whether it came away or not', async () => {
  const busy: Route = { node: 'r1', reason: 'session-replayed' };
  const primary: Route = { node: 'primary', reason: 'session-ahead' };
  const tools = {
    finder: {
      // Only the busy one may serve it: without that one the rule names the primary.
      find: (_: unknown, __: unknown, { failed = [] }: { failed?: readonly string[] }) =>
        failed.includes('r1') ? primary : busy,
      primary: 'primary',
      mayFallBack: true,
    },
    budget: new RetryBudget({ ratio: 0, minPerSecond: 0 }),
    gate: { isClosed: false },
    standIn: () => undefined,
    limitMs: () => Infinity,
    isWatched: () => true,
    nowMs: () => 0,
  } as unknown as TryTools;
  const statement = { kind: 'read', mayWrite: false, keepsConnection: false, changesCatalog: false } as const;
  const tries = new Tries(tools, {
    statement,
    scope: undefined,
    conditions: { text: '', primaryRunner: false },
  });
  const mayLeave: boolean[] = [];
  for (let turn = 0; turn < 4; turn++) {
    const route = await tries.next();
    expect(route).toEqual(busy);
    mayLeave.push(tries.mayLeave(route));
    tries.failed(route, new PoolBusyError());
  }
  expect(mayLeave).toEqual([true, true, true, false]);
  expect(tries.mayLeave(primary)).toBe(false);
});
