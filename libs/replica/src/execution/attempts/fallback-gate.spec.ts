import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { FallbackGate } from './fallback-gate.js';

describe('FallbackGate', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  /** Whether each of them is inside so far. */
  function follow(entering: readonly Promise<(() => void) | undefined>[]): (string | undefined)[] {
    const states: (string | undefined)[] = entering.map(() => undefined);
    entering.forEach((one, index) => {
      void one.then((leave) => (states[index] = leave === undefined ? 'refused' : 'inside'));
    });
    return states;
  }
  const settle = (): Promise<void> => jest.advanceTimersByTimeAsync(0).then(() => undefined);

  it('lets in as many as allowed at once, and the others in the order of their arrival', async () => {
    const gate = new FallbackGate({ maxConcurrent: 2, queueTimeoutMs: 1_000 });
    const entering = Array.from({ length: 4 }, () => gate.enter());
    const states = follow(entering);
    await settle();
    expect(states).toEqual(['inside', 'inside', undefined, undefined]);
    (await entering[1])?.();
    await settle();
    expect(states).toEqual(['inside', 'inside', 'inside', undefined]);
    (await entering[0])?.();
    await settle();
    expect(states).toEqual(['inside', 'inside', 'inside', 'inside']);
    expect(gate.state).toMatchObject({ inside: 2, waiting: 0 });
  });

  it('refuses whoever gets no turn in time, and keeps no place for it', async () => {
    const gate = new FallbackGate({ maxConcurrent: 1, queueTimeoutMs: 1_000 });
    const entering = [gate.enter(), gate.enter(), gate.enter()];
    const states = follow(entering);
    await jest.advanceTimersByTimeAsync(999);
    expect(states).toEqual(['inside', undefined, undefined]);
    await jest.advanceTimersByTimeAsync(1);
    expect(states).toEqual(['inside', 'refused', 'refused']);
    (await entering[0])?.();
    expect(gate.state).toMatchObject({ inside: 0, waiting: 0 });
    expect(await gate.enter()).toBeDefined();
  });

  it('lets nobody wait if the time limit is zero', async () => {
    const gate = new FallbackGate({ maxConcurrent: 1, queueTimeoutMs: 0 });
    await gate.enter();
    expect(await gate.enter()).toBeUndefined();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('counts a read once that leaves twice', async () => {
    const gate = new FallbackGate({ maxConcurrent: 1, queueTimeoutMs: 0 });
    const leave = await gate.enter();
    leave?.();
    leave?.();
    await gate.enter();
    expect(await gate.enter()).toBeUndefined();
  });

  it('leaves no timer behind when all have left', async () => {
    const gate = new FallbackGate({ maxConcurrent: 1, queueTimeoutMs: 1_000 });
    const entering = [gate.enter(), gate.enter(), gate.enter()];
    for (const one of entering) (await one)?.();
    expect(gate.state).toMatchObject({ inside: 0, waiting: 0 });
    expect(jest.getTimerCount()).toBe(0);
  });
});
