import { describe, expect, it } from '@jest/globals';
import { summarize } from './summarize.js';

const CASES: readonly [string, readonly string[] | null, string][] = [
  ['SELECT * FROM product', ['product'], 'SELECT product'],
  ['  (select 1) UNION (select ?)', [], 'SELECT'],
  ['WITH x AS (SELECT ?) SELECT * FROM x JOIN price ON true', ['price'], 'WITH price'],
  ['INSERT INTO "shop"."order" (id) VALUES (?)', null, 'INSERT shop.order'],
  ['insert ignore into `product` values (?)', null, 'INSERT product'],
  ['UPDATE ONLY product SET name = ?', null, 'UPDATE product'],
  ['DELETE FROM product', null, 'DELETE product'],
  ['START TRANSACTION', null, 'START'],
  ['SELECT * FROM a FOR UPDATE', null, 'SELECT'],
  ['…', null, 'QUERY'],
  ['', null, 'QUERY'],
];

describe('summarize()', () => {
  it.each(CASES)('%s', (text, tables, summary) => {
    expect(summarize(text, tables).text).toBe(summary);
  });

  it('ends before a name that would make it too long', () => {
    const tables = Array.from({ length: 40 }, (_, index) => `table_number_${index}`);
    const { text } = summarize('SELECT ?', tables);
    expect(text.length).toBeLessThanOrEqual(255);
    expect(text).toMatch(/ table_number_\d+$/);
    expect(tables).toContain(text.split(' ').at(-1));
  });
});
