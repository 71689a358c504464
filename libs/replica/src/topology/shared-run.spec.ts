import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { SharedRun } from './shared-run.js';

/** Time stands still unless a test lets it pass. */
let nowMs = 0;
/** How much time passes whenever somebody asks for the time. */
let asksTakeMs = 0;
const GAP_MS = 10;
const now = (): number => (nowMs += asksTakeMs);

/** A task whose runs end when the test says so. */
function controlled(): {
  shared: SharedRun<number>;
  ends: ((error?: Error) => void)[];
  underWay: () => number;
} {
  const ends: ((error?: Error) => void)[] = [];
  let underWay = 0;
  const shared = new SharedRun(
    async () => {
      underWay++;
      const number = ends.length + 1;
      try {
        await new Promise<void>((resolve, reject) =>
          ends.push((error) => (error ? reject(error) : resolve())),
        );
      } finally {
        underWay--;
      }
      return number;
    },
    GAP_MS,
    now,
  );
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
    const shared = new SharedRun(
      async () => {
        most = Math.max(most, ++underWay);
        await turn();
        underWay--;
      },
      GAP_MS,
      now,
    );
    const asked: Promise<void>[] = [];
    for (let index = 0; index < 200; index++) {
      asked.push(shared.request());
      if (index % 3 === 0) await Promise.resolve();
      if (index % 7 === 0) await turn();
    }
    await Promise.all(asked);
    expect(most).toBe(1);
  });

  describe('for runs that nobody waits for', () => {
    beforeEach(() => void jest.useFakeTimers());
    afterEach(() => void jest.useRealTimers());

    const pass = async (ms: number): Promise<void> => {
      nowMs += ms;
      await jest.advanceTimersByTimeAsync(ms);
    };

    it('begins one at once when the last began long ago, else when its time has come, and shares it', async () => {
      const { shared, ends } = controlled();
      void shared.requestSoon();
      expect(ends.length).toBe(1);
      ends[0]?.();
      await pass(4);
      const soon = [shared.requestSoon(), shared.requestSoon()];
      await pass(5);
      expect(ends.length).toBe(1);
      const later = shared.requestSoon();
      await pass(1);
      expect(ends.length).toBe(2);
      ends[1]?.();
      expect(await Promise.all([...soon, later])).toEqual([2, 2, 2]);
    });

    it('begins one whose time comes while it is asked for', async () => {
      const { shared, ends } = controlled();
      void shared.request();
      ends[0]?.();
      await pass(9);
      asksTakeMs = 0.6;
      const soon = shared.requestSoon();
      asksTakeMs = 0;
      await pass(1);
      expect(ends.length).toBe(2);
      ends[1]?.();
      expect(await soon).toBe(2);
    });

    describe('if something else replaces one', () => {
      /** A run has just begun and ended, and two callers wait for the next one. */
      async function replaced(): Promise<
        ReturnType<typeof controlled> & { soon: Promise<number>[]; end: (outcome?: number) => void }
      > {
        const control = controlled();
        void control.shared.requestSoon();
        control.ends[0]?.();
        await pass(1);
        const soon = [control.shared.requestSoon(), control.shared.requestSoon()];
        const end = control.shared.replaceNext() as (outcome: number | undefined) => void;
        return { ...control, soon, end: (outcome) => end(outcome) };
      }

      it('gives its outcome to those who waited, and begins none', async () => {
        const { ends, soon, end } = await replaced();
        await pass(9);
        end(42);
        expect(await Promise.all(soon)).toEqual([42, 42]);
        await pass(100);
        expect(ends.length).toBe(1);
      });

      it('begins one for those who ask later, when the gap is over', async () => {
        const { shared, ends, soon, end } = await replaced();
        const later = shared.requestSoon();
        end(42);
        expect(await Promise.all(soon)).toEqual([42, 42]);
        await pass(10);
        ends[1]?.();
        expect(await later).toBe(2);
      });

      it.each<[string, (control: Awaited<ReturnType<typeof replaced>>) => unknown]>([
        ['has no outcome', ({ end }) => end()],
        ['takes longer than the gap', () => pass(10)],
        ['is too slow for somebody', ({ shared }) => shared.hurry()],
      ])('begins one after all if that %s', async (_, happens) => {
        const control = await replaced();
        await happens(control);
        expect(control.ends.length).toBe(2);
        control.end(42);
        control.ends[1]?.();
        expect(await Promise.all(control.soon)).toEqual([2, 2]);
      });

      it('replaces none that somebody waits for, or that nobody has asked for', () => {
        const { shared } = controlled();
        expect(shared.replaceNext()).toBeUndefined();
        void shared.request();
        void shared.request();
        expect(shared.replaceNext()).toBeUndefined();
      });
    });

    it('waits for the one under way, and for its time', async () => {
      const { shared, ends } = controlled();
      void shared.request();
      const soon = shared.requestSoon();
      await pass(2);
      ends[0]?.();
      await pass(0);
      await pass(7);
      expect(ends.length).toBe(1);
      await pass(1);
      expect(ends.length).toBe(2);
      ends[1]?.();
      expect(await soon).toBe(2);
    });

    it('begins it at once when somebody waits: when nothing is under way, and after what is', async () => {
      const { shared, ends } = controlled();
      void shared.request();
      const soon = shared.requestSoon();
      shared.hurry();
      ends[0]?.();
      await pass(0);
      expect(ends.length).toBe(2);
      ends[1]?.();
      expect(await soon).toBe(2);
      const next = shared.requestSoon();
      expect(ends.length).toBe(2);
      shared.hurry();
      expect(ends.length).toBe(3);
      const asked = shared.request();
      ends[2]?.(new Error('lost'));
      await expect(next).rejects.toThrow('lost');
      expect(ends.length).toBe(4);
      ends[3]?.();
      expect(await asked).toBe(4);
      await pass(100);
      expect(ends.length).toBe(4);
    });
  });
});
