import { describe, expect, it } from '@jest/globals';
import { TYPEORM_READS } from '../../../../../test/support/statements/reads.js';
import { patternOf } from './pattern-of.js';

describe('the pattern of a text for PostgreSQL', () => {
  it.each([
    ['literals', `SELECT 'a', 1, 1.5e3, .5, 0xff, true`, 'SELECT ?, ?, ?, ?, ?, true'],
    ['parameters', 'SELECT * FROM a WHERE b = $1 AND c = $23', 'SELECT * FROM a WHERE b = ? AND c = ?'],
    ['comments', 'SELECT 1 -- one\n /* two /* 3 */ */ FROM a', 'SELECT ? FROM a'],
    ['white space', 'SELECT\n\t a ,b\n FROM  c WHERE( d=1 )', 'SELECT a, b FROM c WHERE(d=?)'],
    ['names in quotes', `SELECT "a 'b" FROM "c"."d"`, `SELECT "a 'b" FROM "c"."d"`],
    ['a list', 'SELECT a FROM b WHERE c IN (1, 2,3) AND d', 'SELECT a FROM b WHERE c IN (?) AND d'],
    ['a list of parameters', 'c NOT IN ($1,$2,$3,$4)', 'c NOT IN (?)'],
    ['a list of casts', `c in ('a'::text, 'b'::text, NULL)`, 'c in (?::text, NULL)'],
    ['a list of rows', '(a, b) IN ((1, 2), (3, 4), (5, 6))', '(a, b) IN ((?, ?))'],
    ['a list of signed numbers', 'a IN (-1, +2, 3)', 'a IN (?)'],
    ['a list of values and NULL', 'a IN (1, NULL, 2, NULL, 3)', 'a IN (?, NULL)'],
    ['a list of other literals', `a IN (N'a', X'0f', B'01', E'a', U&'a', $$a$$, -1.5)`, 'a IN (?)'],
    ['an array', 'a = ANY(ARRAY[1,2,3]) AND b[1] = 2', 'a = ANY(ARRAY[?]) AND b[?] = ?'],
    ['an array of arrays', 'ARRAY[[1,2],[3,4],[5,6]]', 'ARRAY[[?]]'],
    [
      'rows',
      'INSERT INTO a VALUES (1, DEFAULT), (2, DEFAULT),(3,DEFAULT)',
      'INSERT INTO a VALUES (?, DEFAULT)',
    ],
    [
      'rows with more behind them',
      `INSERT INTO a(b) VALUES ($1), ($2) ON CONFLICT (b) DO UPDATE SET b = EXCLUDED.b, c = 2 RETURNING b, c`,
      'INSERT INTO a(b) VALUES (?) ON CONFLICT (b) DO UPDATE SET b = EXCLUDED.b, c = ? RETURNING b, c',
    ],
    [
      'rows with defaults at different places',
      'INSERT INTO a VALUES ($1, DEFAULT), (DEFAULT, $2), ($3, DEFAULT), (DEFAULT, $4)',
      'INSERT INTO a VALUES (?, DEFAULT), (DEFAULT, ?)',
    ],
    ['rows in brackets', 'SELECT * FROM (VALUES (1), (2)) v(a, b)', 'SELECT * FROM (VALUES (?)) v(a, b)'],
    ['arguments, which are no list', 'SELECT coalesce(1, 2, 3)', 'SELECT coalesce(?, ?, ?)'],
    ['a subtraction', 'SELECT a -1, b - 1, 2-1', 'SELECT a -?, b - ?, ?-?'],
    [
      'signs',
      'SELECT -1 WHERE a=-1 AND b BETWEEN -5 AND +5 OR c > -.5 LIMIT -1',
      'SELECT ? WHERE a=? AND b BETWEEN ? AND ? OR c > ? LIMIT ?',
    ],
    ['names with digits', 'SELECT t1.c2, f3(4) FROM a5$6 AS t1', 'SELECT t1.c2, f3(?) FROM a5$6 AS t1'],
    ['settings', `SET search_path TO tenant_5, public; SELECT 1`, 'SET search_path TO ?; SELECT ?'],
    ['settings with a sign', 'SET LOCAL my.user = bob', 'SET LOCAL my.user = ?'],
    ['settings of roles', 'ALTER ROLE bob SET my.key = word', 'ALTER ROLE bob SET my.key = ?'],
    [
      'columns, which are no settings',
      `ALTER TABLE a ALTER b SET DEFAULT 5, ALTER c TYPE x USING d = e`,
      'ALTER TABLE a ALTER b SET DEFAULT ?, ALTER c TYPE x USING d = e',
    ],
    ['changes, which are no settings', 'UPDATE a SET b = c, d = 1', 'UPDATE a SET b = c, d = ?'],
    ['transactions', 'BEGIN ISOLATION LEVEL SERIALIZABLE', 'BEGIN ISOLATION LEVEL SERIALIZABLE'],
    ['nothing', '', ''],
  ])('folds %s', (_, text, pattern) => {
    expect(patternOf(text)).toBe(pattern);
  });

  it.each([
    `SELECT 'secret'`,
    `SELECT 'it''s secret'`,
    `SELECT E'it\\'s secret'`,
    `SELECT 'it\\'s secret'`,
    `SELECT e'\\\\', 'secret'`,
    'SELECT $$secret$$',
    `SELECT $a$ $$ ' secret $b$ $a$`,
    `SELECT U&'\\0041secret' UESCAPE '!'`,
    `SELECT U&"secret"`,
    `SELECT N'secret', B'0', X'5ec2e7', 'secret'`,
    `SELECT 'a'\n  'secret'`,
    `SELECT E'a'\n  'secret'`,
    `SELECT 'unfinished secret`,
    'SELECT $$unfinished secret',
    'SELECT /* unfinished secret',
    `SELECT "unfinished secret`,
    '-- secret\nSELECT 1',
    `DO $$ BEGIN PERFORM 'secret'; END $$`,
    `CREATE USER bob PASSWORD 'secret'`,
    `ALTER ROLE bob SET my.key TO 'secret'`,
    'SET my.key TO secret',
    'ALTER SYSTEM SET my.key TO secret',
    'ALTER DATABASE a SET my.key=secret; SELECT 1',
    'CREATE FUNCTION a() RETURNS int LANGUAGE sql SET my.key TO secret AS $$SELECT 1$$',
    'SELECT $secret$ $secret',
    `SELECT a FROM b -- 'secret`,
    `SELECT 1 /* it's a secret */ + /* "secret */ 2`,
    `SELECT a FROM b WHERE c = ''secret'`,
    `SELECT a FROM b WHERE c = 'O'Brien secret' AND d = 'secret'`,
    `SELECT '\uD800', 'secret`,
    'SET my.key = secret; SET SESSION my.key=secret',
    `NOTIFY channel, 'secret'`,
    `SELECT 123secret`,
    `SELECT $1secret`,
    `SELECT '\0', 'secret'`,
    `COPY a FROM '/secret' WITH (DELIMITER 'secret')`,
    `SELECT a FROM b WHERE c = 'O' Brien secret' AND d = 5`,
    `SELECT a FROM b WHERE c = '' secret' AND d = 5`,
    `SELECT a FROM b WHERE c = 'Rock'92' AND d = 5 -- secret`,
    `SELECT a FROM b WHERE c = 'O' secret -- it is a literal' AND d = 5`,
    `SELECT a FROM b WHERE c = 'O' secret "it is' AND d = "`,
    `SELECT a FROM b WHERE c IN ($1, 'O', $2, secret, ' AND d = 5`,
    `SELECT a FROM b WHERE c = 'O' secret /* ' AND d = 5`,
  ])('never tells a literal: %j', (text) => {
    expect(patternOf(text)).not.toContain('secret');
    expect(patternOf(text)).not.toContain('5ec2e7');
  });

  it.each(['1234567', '0xABCDEF', '0b1011', '0o777', '1_234_567', '12.34567', '.34567', '1e345', '-7654321'])(
    'tells no digit of the number %s',
    (number) => {
      expect(patternOf(`SELECT a FROM b WHERE c > ${number} LIMIT ${number}`)).not.toMatch(/\d/);
    },
  );

  it('is the same for any values that TypeORM might send', () => {
    for (const text of TYPEORM_READS) {
      const other = text.replace(/'[^']*'/g, "'other'").replace(/\$\d+/g, '$99');
      expect(patternOf(other)).toBe(patternOf(text));
    }
  });

  it('is bounded, and takes no longer than the text is long', () => {
    const list = Array.from({ length: 4_000 }, (_, index) => `(${index}, '${index}')`).join();
    expect(patternOf(`INSERT INTO a VALUES ${list}`)).toBe('INSERT INTO a VALUES (?, ?)');
    const names = Array.from({ length: 2_000 }, (_, index) => `column_${index}`).join();
    expect(patternOf(`SELECT ${names}`)).toHaveLength(4_097);
    expect(patternOf(`SELECT '${'secret'.repeat(170_000)}', 1`)).toBe('SELECT ?, ?');
    expect(patternOf(`SELECT '${'secret'.repeat(170_000)}`)).toBe('SELECT …');
    // Were each list put together with all that is in it, these would take minutes.
    for (const nested of ['ARRAY' + '['.repeat(60_000), 'a IN ('.repeat(30_000)])
      expect(patternOf(nested)).toHaveLength(4_097);
  });
});
