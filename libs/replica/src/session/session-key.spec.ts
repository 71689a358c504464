import { describe, expect, it } from '@jest/globals';
import { boundedKey, MAX_KEPT_LETTERS, ownCopy } from './session-key.js';

describe('boundedKey', () => {
  it('leaves short keys as they are, and is short for all others', () => {
    const longest = 'k'.repeat(MAX_KEPT_LETTERS);
    expect(boundedKey(longest)).toBe(longest);
    expect(boundedKey(`${longest}k`)).toMatch(/^[\w-]{43}$/);
    expect(boundedKey('k'.repeat(8_000))).toHaveLength(43);
  });

  it('tells keys apart that differ at their end', () => {
    const start = 'k'.repeat(8_000);
    expect(boundedKey(`${start}a`)).not.toBe(boundedKey(`${start}b`));
  });
});

describe('ownCopy', () => {
  it.each(['', 'sid', 'é', '名前', '\u{1f600}', '\ud800', '\u0000'])('is equal to %j', (key) => {
    expect(ownCopy(key)).toBe(key);
  });
});
