import { describe, expect, it } from '@jest/globals';
import { positionOf, withPosition } from './cached-position.js';

const SOME = { atLeast: 0x16b_3748n, atMost: 0x16b_37a0n, history: 3 };
const LAST = { atLeast: 2n ** 64n - 1n, atMost: 2n ** 64n - 1n, history: 2 ** 32 - 1 };
const FIRST = { atLeast: 0n, atMost: 0n, history: 0 };

describe('the position of a cached answer', () => {
  it.each([[FIRST], [SOME], [LAST]])('comes back as it was written: %p', (position) => {
    expect(positionOf(withPosition('[]', position))).toEqual(position);
  });

  it('changes nothing of the answer for those who do not know of it', () => {
    const rows = [{ text: ' spaces \t\n\r at the end \t' }];
    expect(JSON.parse(withPosition(JSON.stringify(rows), SOME))).toEqual(rows);
  });

  it.each([
    ['there is none', '[]'],
    ['it was cut', withPosition('[]', SOME).slice(0, -1)],
    ['something was added', `${withPosition('[]', SOME)}\n`],
    ['the JSON was written anew', JSON.stringify(JSON.parse(withPosition('[]', SOME)))],
    ['it is not a text', undefined],
    ['it is empty', ''],
  ])('is unknown where %s', (_, result) => {
    expect(positionOf(result)).toBeUndefined();
  });
});
