import { StatementCosts } from './statement-cost.js';

describe('StatementCosts', () => {
  it('does not call a text fast before it was measured', () => {
    const costs = new StatementCosts();
    expect(costs.of('SELECT 1')?.isFast).toBe(false);
  });

  it('leaves out network time', () => {
    const costs = new StatementCosts();
    const fast = costs.of('fast') as NonNullable<ReturnType<typeof costs.of>>;
    const slow = costs.of('slow') as NonNullable<ReturnType<typeof costs.of>>;
    for (let n = 0; n < 10; n++) {
      costs.measuredAlone(fast, 80 + (n % 2));
      costs.measuredAlone(slow, 180);
    }
    expect(fast.isFast).toBe(true);
    expect(slow.isFast).toBe(false);
  });

  it('does not mistake the time of slow texts for network time if there are no others', () => {
    const costs = new StatementCosts(() => 0.4);
    const slow = costs.of('slow') as NonNullable<ReturnType<typeof costs.of>>;
    for (let n = 0; n < 10; n++) costs.measuredAlone(slow, 5 + n / 10);
    expect([slow.isFast, costs.roundTripMs]).toEqual([false, 0.4]);
  });

  it('forgets a cold start, and learns that a text has become slow', () => {
    const costs = new StatementCosts();
    const cost = costs.of('SELECT 1') as NonNullable<ReturnType<typeof costs.of>>;
    costs.measured(cost, 60);
    for (let n = 0; n < 7; n++) costs.measured(cost, 0.1);
    expect(cost.isFast).toBe(true);
    for (let n = 0; n < 5; n++) costs.measured(cost, 50);
    expect(cost.isFast).toBe(false);
    costs.measured(cost, 0);
    costs.tookAtLeast(cost, 200);
    expect(cost.averageMs).toBe(200);
  });

  it('does not switch a text near the limit between fast and slow all the time', () => {
    const costs = new StatementCosts();
    const cost = costs.of('SELECT 1') as NonNullable<ReturnType<typeof costs.of>>;
    const seen = [2.5, 1.5, 1.4, 1.3, 2.2, 0.5, 0.5, 1.5, 1.5, 1.5].map((ms) => {
      costs.measured(cost, ms);
      return cost.isFast;
    });
    expect(seen).toEqual([false, false, false, false, false, false, true, true, true, true]);
  });

  it('counts uses, and bounds the number and length of the texts it keeps', () => {
    const costs = new StatementCosts();
    costs.of('first');
    expect(costs.of('first')?.uses).toBe(2);
    for (let n = 0; n < 2_000; n++) costs.of(`SELECT ${n}`);
    expect(costs.of('first')?.uses).toBe(1);
    expect(costs.of('x'.repeat(20_000))).toBeUndefined();
  });
});
