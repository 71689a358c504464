import { describe, expect, it } from '@jest/globals';
import { onlyCompares } from './only-compares.js';

describe('a read that only compares', () => {
  it.each([
    'SELECT `Item`.`id` AS `Item_id`, `Item`.`name` AS `Item_name` FROM `item` `Item` WHERE ((`Item`.`id` = ?)) LIMIT 1',
    'SELECT * FROM a LEFT JOIN b ON (a.id = b.id AND b.x <> ?) WHERE a.id IN (?, ?) ORDER BY b.y DESC LIMIT 10 OFFSET 5',
    'SELECT COUNT(DISTINCT `a`.`id`) AS cnt, MAX(b), coalesce(c, 0) FROM a GROUP BY d HAVING (SUM(e) > ?)',
    "SELECT a FROM b WHERE NOT (c LIKE ?) AND d BETWEEN (?) AND 5 AND e IS NULL AND f = 'regexp(' -- over (",
    'SELECT a FROM (SELECT b AS a FROM c UNION ALL (SELECT d FROM e)) f WHERE EXISTS (SELECT 1 FROM g)',
    'SELECT a - b, -1 FROM c WHERE d > - 1',
  ])('is told from its text: %s', (text) => {
    expect(onlyCompares(text)).toBe(true);
  });

  it.each([
    'SELECT a FROM b WHERE c REGEXP ?',
    'SELECT a FROM b WHERE c rlike ?',
    'SELECT a FROM b WHERE MATCH (c) AGAINST (? IN BOOLEAN MODE)',
    'SELECT JSON_EXTRACT(a, ?) FROM b',
    "SELECT a->'$.b' FROM c",
    'SELECT ST_Distance(a, ?) FROM b',
    'SELECT `f`(a) FROM b',
    'SELECT app.f (a) FROM b',
    'SELECT SUM(a) OVER (ORDER BY b) FROM c',
    'WITH RECURSIVE a AS (SELECT 1) SELECT * FROM a',
    'SELECT a COLLATE utf8mb4_bin FROM b',
    'SELECT a /*! + f(b) */ FROM c',
    "SELECT 'a",
  ])('is not: %s', (text) => {
    expect(onlyCompares(text)).toBe(false);
  });
});
