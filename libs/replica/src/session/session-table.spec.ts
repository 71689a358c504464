import { expect, it } from '@jest/globals';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { SessionTable } from './session-table.js';

const COUNT = 4_000;

/** A key as it arrives: cut out of a header that contains much else. */
function cutOut(key: string): string {
  const header = Buffer.from(`${'c'.repeat(4_000)}; sid=${key}`).toString('latin1');
  return header.slice(header.length - key.length);
}

it.each([
  ['a short key', (n: number) => `session-number-${n}`],
  ['a long key', (n: number) => `${'k'.repeat(8_000)}-${n}`],
])('keeps little of a session with %s, whatever its header', (_, keyOf) => {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const table = new SessionTable();
  const heapBytes = (): number => {
    gc();
    return process.memoryUsage().heapUsed;
  };
  const before = heapBytes();
  for (let n = 0; n < COUNT; n++) table.save(cutOut(keyOf(n)), { position: BigInt(n) }, 60_000);
  expect((heapBytes() - before) / COUNT).toBeLessThan(600);
  expect(table.load(keyOf(COUNT - 1))).toMatchObject({ position: BigInt(COUNT - 1) });
  expect(table.load(keyOf(COUNT))).toBeUndefined();
});
