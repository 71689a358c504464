import { beforeEach, describe, expect, it } from '@jest/globals';
import { mergeSessionStates, type SessionState } from '../../libs/replica/src/session/session-state.js';
import type { SessionStore } from '../../libs/replica/src/session/session-store.js';

/** A store, empty, with what the tests need to know and do from outside. */
export interface StoreUnderTest {
  readonly store: SessionStore;
  /** Lets so much of the store's time pass. */
  pass(ms: number): void | Promise<void>;
  /** How many sessions it keeps. */
  size(): number | Promise<number>;
}

const LARGEST = 2n ** 64n - 1n;

/** What every session store promises. `ttlMs`: a time that the tests can wait for. */
export function describeSessionStore(
  name: string,
  makeStore: () => StoreUnderTest | Promise<StoreUnderTest>,
  ttlMs = 1_000,
): void {
  describe(`the contract of session stores: ${name}`, () => {
    let one: StoreUnderTest;
    let store: SessionStore;

    beforeEach(async () => {
      one = await makeStore();
      store = one.store;
    });

    const load = async (key = 'a'): Promise<SessionState | undefined> => {
      const state = await store.load(key);
      return state === undefined ? undefined : mergeSessionStates({}, state);
    };
    const save = async (state: SessionState, key = 'a', forMs = 60_000): Promise<void> =>
      store.save(key, state, forMs);

    it('gives back what was saved, and nothing to anybody else', async () => {
      const state = {
        position: 5n,
        primaryUntilMs: 1_800_000_000_001,
        unconfirmedUntilMs: 1_800_000_000_002,
        servedBy: 'replica-1',
        servedAtMs: 7,
      };
      await save(state);
      expect(await load()).toEqual(state);
      expect(await load('b')).toBeUndefined();
      expect(await load('')).toBeUndefined();
    });

    it.each([
      {},
      { position: 1n },
      { primaryUntilMs: 3 },
      { unconfirmedUntilMs: 4 },
      { servedBy: 'a.b-c_D', servedAtMs: 1 },
    ])('knows a session of which only a part is known: %j', async (state: SessionState) => {
      await save(state);
      expect(await load()).toEqual(mergeSessionStates({}, state));
    });

    it('keeps positions of 64 bits exactly', async () => {
      for (const position of [2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, LARGEST - 1n, LARGEST]) {
        await save({ position });
        expect((await load())?.position).toBe(position);
      }
    });

    it.each([
      [9n, 10n],
      [2n ** 53n, 2n ** 53n + 1n],
      [0xffff_ffffn, 0x1_0000_0000n],
      [LARGEST - 1n, LARGEST],
    ])('keeps the larger of %s and %s, whichever comes last', async (smaller, larger) => {
      await save({ position: smaller }, 'up');
      await save({ position: larger }, 'up');
      await save({ position: larger }, 'down');
      await save({ position: smaller }, 'down');
      expect([(await load('up'))?.position, (await load('down'))?.position]).toEqual([larger, larger]);
    });

    it('keeps the largest of 100 positions that are saved at once', async () => {
      const positions = Array.from({ length: 100 }, (_, index) => 2n ** 60n + BigInt((index * 37) % 100));
      await Promise.all(positions.map((position) => save({ position })));
      expect((await load())?.position).toBe(2n ** 60n + 99n);
    });

    it('keeps the later deadlines, and each part that a save does not have', async () => {
      await save({ position: 5n });
      await save({ primaryUntilMs: 30 });
      await save({ primaryUntilMs: 20 });
      await save({ unconfirmedUntilMs: 40 });
      await save({ unconfirmedUntilMs: 10 });
      await save({ servedBy: 'replica-2', servedAtMs: 4 });
      expect(await load()).toEqual({
        position: 5n,
        primaryUntilMs: 30,
        unconfirmedUntilMs: 40,
        servedBy: 'replica-2',
        servedAtMs: 4,
      });
    });

    it('keeps the replica that was noted last, whichever is saved last', async () => {
      await save({ servedBy: 'replica-1', servedAtMs: 20 });
      await save({ servedBy: 'replica-2', servedAtMs: 10 });
      await save({ position: 1n });
      expect(await load()).toMatchObject({ servedBy: 'replica-1', servedAtMs: 20 });
      await save({ servedBy: 'replica-2', servedAtMs: 21 });
      expect(await load()).toMatchObject({ servedBy: 'replica-2', servedAtMs: 21 });
    });

    it('forgets a session when its time is over, counted from the last save', async () => {
      // A busy machine may need longer for a save than the session is kept: then it is kept longer.
      for (const [index, keptMs] of [ttlMs, 10 * ttlMs, 50 * ttlMs].entries()) {
        const key = `a-${index}`;
        const firstMs = performance.now();
        await save({ position: 5n }, key, keptMs);
        await one.pass(0.7 * keptMs);
        const secondMs = performance.now();
        await save({ position: 4n }, key, keptMs);
        const isFirstInTime = performance.now() - firstMs < keptMs;
        await one.pass(0.7 * keptMs);
        const kept = await load(key);
        if (!isFirstInTime || performance.now() - secondMs >= keptMs) continue;
        expect(kept?.position).toBe(5n);
        await one.pass(0.7 * keptMs);
        expect(await load(key)).toBeUndefined();
        return;
      }
      throw new Error('the machine is too busy: no save was made in time');
    });

    it('does not merge with what has expired', async () => {
      await save({ position: 9n }, 'a', ttlMs);
      await one.pass(1.2 * ttlMs);
      await save({ position: 5n });
      expect((await load())?.position).toBe(5n);
    });

    it('really deletes what has expired', async () => {
      await Promise.all(
        Array.from({ length: 50 }, (_, index) => save({ position: 1n }, `old-${index}`, 3 * ttlMs)),
      );
      expect(await one.size()).toBe(50);
      await one.pass(3.2 * ttlMs);
      for (let tries = 0; tries < 100; tries++) {
        await load('anybody');
        if ((await one.size()) === 0) return;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      expect(await one.size()).toBe(0);
    });

    it('takes any text for a key', async () => {
      const keys = ['a b', 'a\r\nb', '{a}', 'ä€😀', '\u0000', '*', 'x'.repeat(10_000)];
      await Promise.all(keys.map((key, index) => save({ position: BigInt(index + 1) }, key)));
      expect(await Promise.all(keys.map(async (key) => (await load(key))?.position))).toEqual(
        keys.map((_, index) => BigInt(index + 1)),
      );
    });
  });
}
