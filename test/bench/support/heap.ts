import { setImmediate as nextTurn } from 'node:timers/promises';

/** The memory that this process holds after all garbage is collected; bytes. Needs `--expose-gc`. */
export async function heldBytes(): Promise<number> {
  // Weakly held objects, and those with a finalizer, go in a later round.
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.();
    await nextTurn();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** The memory of each thing that `make` returns, while it is held; bytes. */
export async function bytesPerThing(count: number, make: (index: number) => unknown): Promise<number> {
  const things: unknown[] = Array.from({ length: count });
  const before = await heldBytes();
  for (let index = 0; index < count; index++) things[index] = make(index);
  const bytes = (await heldBytes()) - before;
  // Held until here.
  return things.length === count ? bytes / count : Number.NaN;
}
