import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';

interface Mutant {
  readonly name: string;
  readonly file: string;
  readonly from: string;
}

// A literal would make TypeScript look for types of a JavaScript file.
const list = './mutants.mjs';
const { MUTANTS } = (await import(list)) as { MUTANTS: readonly Mutant[] };

describe('the mutants', () => {
  it('have names of their own', () => {
    expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
  });

  // If its file moved, or the text changed, a mutant would break nothing, and `npm run mutants` would fail.
  it.each(MUTANTS)('find the text that they break: $name', ({ file, from }) => {
    expect(readFileSync(file, 'utf8')).toContain(from);
  });
});
