import { Random } from '../../../../../test/support/statements/random.js';
import { BUILT_IN_CATALOG } from './catalog.js';
import { readText } from './read-text.js';

const ALPHABET = [
  ...Array.from(` \t\n\r;:,.()[]{}'"$\\/*-+<>=!@#%^&|~?_019aeExXuUnNbB\0\u0001\u00e9\u3000`),
  '\ud800',
  '--',
  '/*',
  '*/',
  '$$',
  "''",
  '""',
  "E'",
  "U&'",
  'U&"',
  '$a$',
  '::',
  ':=',
  '=>',
  '..',
  'SELECT ',
  'FROM ',
  'WITH ',
  'AS ',
  'FOR ',
  'UPDATE ',
  'BEGIN ATOMIC ',
  'CREATE ',
  'EXPLAIN ',
  'DECLARE ',
  'DO ',
];

function randomText(random: Random): string {
  let text = random.chance(0.5) ? 'SELECT ' : '';
  for (let length = random.below(40); length > 0; length -= 1) text += random.pick(ALPHABET);
  return text;
}

/** Rows of the same thing: what is slow shows here. */
const LONG: Readonly<Record<string, (length: number) => string>> = {
  parentheses: (length) => `SELECT ${'('.repeat(length)}`,
  calls: (length) => `SELECT ${'lower('.repeat(length / 6)}`,
  brackets: (length) => `SELECT ${'['.repeat(length)}`,
  'comments that begin': (length) => `SELECT ${'/*'.repeat(length / 2)}`,
  'comments one after the other': (length) => `SELECT ${'/**/'.repeat(length / 4)}1`,
  quotes: (length) => `SELECT ${"'".repeat(length + 1)}`,
  constants: (length) => `SELECT ${"'a',".repeat(length / 4)}1`,
  'constants with backslashes': (length) => `SELECT ${String.raw`E'\\',`.repeat(length / 6)}1`,
  'quoted names': (length) => `SELECT ${'"a",'.repeat(length / 4)}1`,
  'dollar tags': (length) => `SELECT ${'$a$b'.repeat(length / 4)}`,
  'different dollar tags': (length) =>
    `SELECT ${Array.from({ length: length / 8 }, (_, i) => `$a${i}$ `).join('')}`,
  signs: (length) => `SELECT 1${'+'.repeat(length)}`,
  'signs with blanks': (length) => `SELECT 1${' + 1'.repeat(length / 4)}`,
  names: (length) => `SELECT a${'.a'.repeat(length / 2)}`,
  'one name': (length) => `SELECT ${'a'.repeat(length)}`,
  digits: (length) => `SELECT ${'1'.repeat(length)}`,
  relations: (length) => `SELECT 1 FROM a${',a'.repeat(length / 2)}`,
  statements: (length) => 'SELECT 1;'.repeat(length / 9),
  semicolons: (length) => ';'.repeat(length),
  explains: (length) => 'EXPLAIN '.repeat(length / 8),
  cursors: (length) => 'DECLARE c CURSOR FOR '.repeat(length / 21),
  blocks: (length) => `CREATE FUNCTION f() BEGIN ATOMIC ${'CASE '.repeat(length / 5)}`,
};

function timeMs(text: string): number {
  const started = performance.now();
  readText(text, BUILT_IN_CATALOG);
  return performance.now() - started;
}

describe('any text', () => {
  it('is read without an error, and always the same', () => {
    const random = new Random(7);
    for (let count = 0; count < 20_000; count += 1) {
      const text = randomText(random);
      const [first, second] = [readText(text, BUILT_IN_CATALOG), readText(text, BUILT_IN_CATALOG)];
      expect(first.toStatement()).toEqual(second.toStatement());
    }
  });

  it.each(Object.keys(LONG))('of a megabyte is read in proportion to its length: %s', (name) => {
    const text = LONG[name]!;
    // A tenth of the text in a hundredth of the time would be quadratic; the limit leaves room for a busy machine.
    const short = Math.max(1, timeMs(text(100_000)));
    expect(timeMs(text(1_000_000))).toBeLessThan(short * 60 + 500);
  });

  it('says nothing of the text but keywords and names of functions', () => {
    const texts = [
      `INSERT INTO t VALUES ('s3cret')`,
      `SELECT f('s3cret')`,
      `SELECT 's3cret`,
      `SET x = 's3cret'`,
      `SELECT 1 FROM s3cret_table FOR UPDATE`,
      `ALTER USER a PASSWORD 's3cret'`,
      `s3cret`,
      `"s3cret" 1`,
    ];
    for (const text of texts) expect(readText(text, BUILT_IN_CATALOG).because).not.toContain('s3cret');
  });
});
