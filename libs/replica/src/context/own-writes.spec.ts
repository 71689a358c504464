import { describe, expect, it } from '@jest/globals';
import { OwnWrites } from './own-writes.js';

/** Writes whose captures are answered by hand, by number. */
function handled(): { writes: OwnWrites; write: () => void; answer: (index: number) => Promise<void> } {
  const writes = new OwnWrites(1_000);
  const answers: (() => void)[] = [];
  return {
    writes,
    write: () => {
      writes.begin();
      const position = BigInt(answers.length + 1);
      writes.complete(new Promise((resolve) => answers.push(() => resolve(position))));
    },
    answer: async (index) => {
      answers[index]?.();
      await Promise.resolve();
    },
  };
}

describe('what a request has written', () => {
  it('is settled at once where nothing is being learned', () => {
    const told: string[] = [];
    handled().writes.whenSettled(() => told.push('settled'));
    expect(told).toEqual(['settled']);
  });

  it('is settled by the captures that were under way then, whatever is written later', async () => {
    const { writes, write, answer } = handled();
    const told: string[] = [];
    write();
    write();
    writes.whenSettled(() => told.push('first'));
    write();
    writes.whenSettled(() => told.push('second'));
    await answer(1);
    expect(told).toEqual([]);
    await answer(0);
    expect([told, writes.position, writes.isCapturing]).toEqual([['first'], 2n, true]);
    write();
    await answer(2);
    expect([told, writes.isCapturing]).toEqual([['first', 'second'], true]);
    await answer(3);
    expect([writes.position, writes.isCapturing]).toEqual([4n, false]);
  });

  it('is settled in order, also where captures are answered in another', async () => {
    const { writes, write, answer } = handled();
    const told: string[] = [];
    write();
    writes.whenSettled(() => told.push('first'));
    write();
    writes.whenSettled(() => told.push('second'));
    await answer(1);
    expect(told).toEqual([]);
    await answer(0);
    expect(told).toEqual(['first', 'second']);
  });
});
