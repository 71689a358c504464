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

describe('any text', () => {
  it('is read without an error, and always with the same result', () => {
    const random = new Random(7);
    for (let count = 0; count < 20_000; count += 1) {
      const text = randomText(random);
      const [first, second] = [readText(text, BUILT_IN_CATALOG), readText(text, BUILT_IN_CATALOG)];
      expect(first.toStatement()).toEqual(second.toStatement());
    }
  });

  it('reveals only its keywords and function names in the reason', () => {
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
