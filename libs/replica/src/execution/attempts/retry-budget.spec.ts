import { describe, expect, it } from '@jest/globals';
import { RetryBudget } from './retry-budget.js';

function withdrawals(budget: RetryBudget, tries: number, nowMs: number): number {
  let granted = 0;
  for (let index = 0; index < tries; index++) if (budget.withdraw(nowMs)) granted++;
  return granted;
}
function deposit(budget: RetryBudget, reads: number, nowMs: number): void {
  for (let index = 0; index < reads; index++) budget.deposit(nowMs);
}

describe('RetryBudget', () => {
  it('grants the minimum for ten seconds without any reads, and no more', () => {
    const budget = new RetryBudget({ ratio: 0.2, minPerSecond: 3 });
    expect(withdrawals(budget, 100, 5_000)).toBe(30);
  });

  it('also grants a share of the reads', () => {
    const budget = new RetryBudget({ ratio: 0.2, minPerSecond: 1 });
    deposit(budget, 50, 0);
    deposit(budget, 50, 4_000);
    expect(withdrawals(budget, 100, 4_500)).toBe(20 + 10);
  });

  it('grants nothing if both limits are zero', () => {
    const budget = new RetryBudget({ ratio: 0, minPerSecond: 0 });
    deposit(budget, 1_000, 0);
    expect(budget.withdraw(0)).toBe(false);
  });

  it('forgets reads and retries older than the window', () => {
    const budget = new RetryBudget({ ratio: 1, minPerSecond: 0 });
    deposit(budget, 10, 500);
    expect(withdrawals(budget, 6, 9_999)).toBe(6);
    // The ten reads have left the window, the six retries have not.
    deposit(budget, 7, 10_000);
    expect(withdrawals(budget, 5, 10_000)).toBe(1);
    expect(withdrawals(budget, 5, 18_999)).toBe(0);
    // Now the six retries have left it, too.
    expect(withdrawals(budget, 9, 19_000)).toBe(6);
  });

  it('refills after a long silence', () => {
    const budget = new RetryBudget({ ratio: 0, minPerSecond: 1 });
    expect(withdrawals(budget, 20, 1_000)).toBe(10);
    expect(withdrawals(budget, 20, 1_000_000)).toBe(10);
  });

  it('does not refill when the time steps back a little', () => {
    const budget = new RetryBudget({ ratio: 0, minPerSecond: 1 });
    expect(withdrawals(budget, 20, 12_000)).toBe(10);
    expect(withdrawals(budget, 20, 11_000)).toBe(0);
  });
});
