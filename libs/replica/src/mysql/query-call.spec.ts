import { describe, expect, it } from '@jest/globals';
import mysql2 from 'mysql2';
import { statementCallOf } from './query-call.js';

const raw = mysql2.raw('sleep(1)');

describe('statementCallOf', () => {
  it.each<[unknown, unknown, string]>([
    ['SELECT 1', undefined, 'SELECT 1'],
    ['SELECT ?', [1], 'SELECT ?'],
    ['SELECT ?', ['??', null, new Date(0), Buffer.from('a'), ['a', 'b'], { id: 1 }], 'SELECT ?'],
    [{ sql: 'SELECT ?', timeout: 5, values: [1] }, undefined, 'SELECT ?'],
    [{ sql: 'SELECT ?', timeout: 5 }, [1], 'SELECT ?'],
    ['SELECT 1 -- ??', undefined, 'SELECT 1 -- ??'],
    ['SELECT ??', ['name'], ''],
    ['SELECT ?', [raw], ''],
    ['SELECT ?', raw, ''],
    ['SELECT ?', [[raw]], ''],
    ['UPDATE t SET ?', [{ at: raw }], ''],
    [{ sql: 'SELECT ?', values: [raw] }, undefined, ''],
    ['SELECT ?', [[[[['deep']]]]], ''],
    [undefined, undefined, ''],
  ])('of %j with %j', (query, values, text) => {
    const call = statementCallOf(query, values);
    expect(call).toEqual({ text, args: values === undefined ? [query] : [query, values] });
  });
});
