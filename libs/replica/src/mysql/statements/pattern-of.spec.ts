import { describe, expect, it } from '@jest/globals';
import { patternOf } from './pattern-of.js';

describe('the pattern of a text for MySQL and MariaDB', () => {
  it.each([
    [
      'literals and parameters',
      `SELECT 'a', "b", 1, ? FROM \`c\` WHERE d = :e`,
      'SELECT ?, ?, ?, ? FROM `c` WHERE d = ?',
    ],
    ['comments', 'SELECT 1 # one\n -- two\n /* 3 */ FROM a', 'SELECT ? FROM a'],
    ['a list', 'SELECT a FROM b WHERE c IN (\'x\',"y", 3)', 'SELECT a FROM b WHERE c IN (?)'],
    ['rows', 'INSERT INTO a VALUES (1, 2), (3, 4)', 'INSERT INTO a VALUES (?, ?)'],
    [
      'rows with more behind them',
      'INSERT INTO a VALUES (1), (2) ON DUPLICATE KEY UPDATE a = VALUES(a), b = VALUES(b), c = 1',
      'INSERT INTO a VALUES (?) ON DUPLICATE KEY UPDATE a = VALUES(a), b = VALUES(b), c = ?',
    ],
    [
      'rows with defaults',
      'INSERT INTO a VALUES (1, DEFAULT), (DEFAULT, 2), (3, DEFAULT)',
      'INSERT INTO a VALUES (?, DEFAULT), (DEFAULT, ?)',
    ],
    [
      'signs',
      'SELECT -1 WHERE a=-1 AND b BETWEEN -5 AND 5 - 3',
      'SELECT ? WHERE a=? AND b BETWEEN ? AND ? - ?',
    ],
    ['names with digits', 'SELECT `t1`.c2 FROM a5', 'SELECT `t1`.c2 FROM a5'],
    [
      'digests of the server',
      'SELECT `a` FROM `b` WHERE `c` IN (...)',
      'SELECT `a` FROM `b` WHERE `c` IN (...)',
    ],
    ['settings', 'SET @a := 5, @b = word', 'SET @a := ?'],
    [
      'comments with quotes',
      "SELECT a FROM b WHERE c = 'd' LIMIT 5 /*e='f',g='h'*/",
      'SELECT a FROM b WHERE c = ? LIMIT ?',
    ],
  ])('folds %s', (_, text, pattern) => {
    expect(patternOf(text)).toBe(pattern);
  });

  it.each([
    `SELECT "secret"`,
    `SELECT "it""s 'secret"`,
    `SELECT 'it\\'s secret'`,
    `SELECT 'a\\' , secret, '`,
    `SELECT _utf8mb4'secret', N'secret'`,
    `SELECT x'5ec2e7', X'5EC2E7', 0x5ec2e7, b'01'`,
    `SELECT 0x5ec2e7z`,
    'SELECT 5ec2e7',
    `SELECT /*! 'secret' */ 1`,
    `SELECT 'unfinished secret`,
    `CREATE USER bob IDENTIFIED BY 'secret'`,
    `SET PASSWORD FOR bob = 'secret'`,
    'SET @key = secret',
    'SET GLOBAL a.key := secret',
    'SET STATEMENT a = secret FOR SELECT 1',
    'CREATE PROCEDURE p() BEGIN SET @a = secret; END',
    `SELECT a FROM \`b\` WHERE c = "sec\\"ret secret"`,
    `SELECT 'it''s secret', N'secret', _utf8 x'5ec2e7', 0X5EC2E7`,
    `SELECT /*+ SET_VAR(a = 'secret') */ 1`,
    `SELECT /*M!100100 secret */ 1`,
    `SELECT 1 -- secret\n, 2 # it's secret\n, 3 /* "secret" */`,
    'SELECT `unfinished secret',
    `SELECT "unfinished secret`,
    `SELECT a.5ec2e7, -5ec2e7, .5ec2e7`,
    `LOAD DATA INFILE '/secret' INTO TABLE a`,
    `SELECT * FROM a WHERE b = :secret`,
    `SELECT {d 'secret'}`,
    `SELECT a->'$.secret', a->>"$.secret"`,
    `SELECT a FROM b WHERE c = 'O' Brien secret' AND d = 5`,
    `SELECT a FROM b WHERE c = "5" secret" AND d = 5`,
    `SELECT a FROM b WHERE c = 'O' secret # it is a literal' AND d = 5`,
    "SELECT a FROM b WHERE c = 'O' secret `it is' AND d = `",
    `SELECT _utf8'it''s secret', n"secret", @'secret', DATE'secret'`,
  ])('never tells a literal: %j', (text) => {
    expect(patternOf(text)).not.toMatch(/secret|5ec2e7/i);
  });
});
