import { expect, it } from '@jest/globals';
import type { Route } from '../../routing/route.js';
import { PoolBusyError } from '../../errors/pool-busy.error.js';
import { POSTGRES_ERRORS } from '../../postgres/error-kinds.js';
import { RetryBudget } from './retry-budget.js';
import type { AttemptTools } from './attempt-tools.js';
import { Attempts } from './attempts.js';

it('lets a read leave a busy replica three times, even if it finds no other node', async () => {
  const busy: Route = { node: 'r1', reason: 'session-replayed' };
  const primary: Route = { node: 'primary', reason: 'session-ahead' };
  const tools = {
    errors: POSTGRES_ERRORS,
    finder: {
      // Only the busy replica may serve the read. Without it, the rule names the primary.
      find: (_: unknown, __: unknown, { failed = [] }: { failed?: readonly string[] }) =>
        failed.includes('r1') ? primary : busy,
      primary: 'primary',
      mayFallBack: true,
    },
    budget: new RetryBudget({ ratio: 0, minPerSecond: 0 }),
    gate: { isClosed: false },
    enter: () => () => undefined,
    reports: { tell: () => undefined },
    standIn: () => undefined,
    limitMs: () => Infinity,
    hasReplicas: () => true,
    nowMs: () => 0,
  } as unknown as AttemptTools;
  const statement = { kind: 'read', mayWrite: false, keepsConnection: false, changesCatalog: false } as const;
  const mayLeave: boolean[] = [];
  class BusyRead extends Attempts<string> {
    protected override runOn(route: Route): Promise<string> {
      expect(route).toEqual(busy);
      mayLeave.push(this.mayLeave(route));
      return mayLeave.length < 5 ? Promise.reject(new PoolBusyError()) : Promise.resolve('answer');
    }

    protected override answered(_: string): void {
      expect(this.mayLeave(primary)).toBe(false);
    }

    protected override gaveUp(): void {
      // Does not happen.
    }
  }
  const conditions = { text: '', primaryRunner: false };
  await expect(
    new BusyRead(tools, { statement, scope: undefined, trace: undefined, conditions }).start(),
  ).resolves.toBe('answer');
  expect(mayLeave).toEqual([true, true, true, false, false]);
});
