import { describe, expect, it } from '@jest/globals';
import { SharedRun } from './shared-run.js';

/** A task whose runs end when told to. */
function controlled(): {
  shared: SharedRun<number>;
  ends: ((error?: Error) => void)[];
  underWay: () => number;
} {
  const ends: ((error?: Error) => void)[] = [];
  let underWay = 0;
  const shared = new SharedRun(async () => {
    underWay++;
    const number = ends.length + 1;
    try {
      await new Promise<void>((resolve, reject) => ends.push((error) => (error ? reject(error) : resolve())));
    } finally {
      underWay--;
    }
    return number;
  });
  return { shared, ends, underWay: () => underWay };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('SharedRun', () => {
  it('gives everyone a run that began after they asked, with one under way and one waiting', async () => {
    const { shared, ends, underWay } = controlled();
    const first = shared.request();
    const rest = Array.from({ length: 100 }, () => shared.request());
    await turn();
    expect([ends.length, underWay()]).toEqual([1, 1]);
    ends[0]?.();
    expect(await first).toBe(1);
    await turn();
    expect([ends.length, underWay()]).toEqual([2, 1]);
    ends[1]?.();
    expect(new Set(await Promise.all(rest))).toEqual(new Set([2]));
  });

  it('does not hand a failure to those who wait for the next run', async () => {
    const { shared, ends } = controlled();
    const first = shared.request();
    const second = shared.request();
    ends[0]?.(new Error('lost'));
    await expect(first).rejects.toThrow('lost');
    await turn();
    ends[1]?.();
    expect(await second).toBe(2);
  });

  it('never has two runs under way, whenever it is asked', async () => {
    let underWay = 0;
    let most = 0;
    const shared = new SharedRun(async () => {
      most = Math.max(most, ++underWay);
      await turn();
      underWay--;
    });
    const asked: Promise<void>[] = [];
    for (let index = 0; index < 200; index++) {
      asked.push(shared.request());
      if (index % 3 === 0) await Promise.resolve();
      if (index % 7 === 0) await turn();
    }
    await Promise.all(asked);
    expect(most).toBe(1);
  });
});
