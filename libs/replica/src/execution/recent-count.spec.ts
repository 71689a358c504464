import { RecentCount } from './recent-count.js';

describe('RecentCount', () => {
  it('leaves out what happened long ago', () => {
    let now = 0;
    const count = new RecentCount(100, () => now);
    expect([count.add(), count.add()]).toEqual([1, 2]);
    now = 99;
    expect(count.add()).toBe(3);
    now = 150;
    expect(count.add()).toBe(2);
    now = 1_000;
    expect(count.add()).toBe(1);
  });
});
