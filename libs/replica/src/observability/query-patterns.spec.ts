import { beforeEach, describe, expect, it } from '@jest/globals';
import { QueryPatterns } from './query-patterns.js';

describe('the counts of query patterns', () => {
  let read: string[];
  let patterns: QueryPatterns;

  beforeEach(() => {
    read = [];
    patterns = new QueryPatterns({
      patternOf: (text) => {
        read.push(text);
        return text.replace(/\d+/g, '?');
      },
      digestOf: (text) => `digest of ${text}`,
    });
  });

  const statement = (text: string, kind: 'read' | 'write' = 'read') =>
    ({ kind, tables: ['a'], origin: { text, pattern: undefined } }) as const;

  it('put texts together that differ in literals, and read each text once', () => {
    const [first, second] = [statement('SELECT 1'), statement('SELECT 2')];
    for (const one of [first, second, first, first]) patterns.of(one).add('replica', 'session-free', 2);
    patterns.of(second).add('primary', 'own-write', 50);
    patterns.of(second).failed++;
    expect(read).toEqual(['SELECT 1', 'SELECT 2']);
    expect(patterns.list()).toEqual([
      {
        digest: 'digest of SELECT ?',
        text: 'SELECT ?',
        tables: ['a'],
        kind: 'read',
        count: 5,
        onReplicas: 4,
        failed: 1,
        reasons: { 'session-free': 4, 'own-write': 1 },
        p50Ms: expect.closeTo(2, 0),
        p95Ms: expect.closeTo(50, -1),
      },
    ]);
  });

  it('tell the kind that the text had last', () => {
    patterns.of(statement('SELECT f()')).add('replica', 'session-free', 1);
    patterns.of(statement('SELECT f()', 'write')).add('primary', 'write', 1);
    expect(patterns.list()).toMatchObject([
      { kind: 'write', count: 2, reasons: { 'session-free': 1, write: 1 } },
    ]);
  });

  it('keep the most frequent ones, however many others come', () => {
    const frequent = Array.from({ length: 150 }, (_, index) => statement(`frequent ${'x'.repeat(index)}`));
    for (const one of frequent)
      for (let time = 0; time < 5; time++) patterns.of(one).add('replica', 'eventual', 1);
    for (let index = 0; index < 5_000; index++)
      patterns.of(statement(`rare ${'y'.repeat(index % 4_999)}`)).add('replica', 'eventual', 1);
    const told = patterns.list();
    expect(told).toHaveLength(200);
    expect(told.filter(({ text, count }) => text.startsWith('frequent') && count === 5)).toHaveLength(150);
  });

  it('count a pattern anew that was forgotten', () => {
    const rare = statement('rare');
    patterns.of(rare).add('replica', 'eventual', 1);
    for (let index = 0; index < 1_000; index++) {
      const other = statement(`other ${'z'.repeat(index)}`);
      patterns.of(other).add('replica', 'eventual', 1);
      patterns.of(other).add('replica', 'eventual', 1);
    }
    expect(patterns.list().some(({ text }) => text === 'rare')).toBe(false);
    for (let time = 0; time < 10; time++) patterns.of(rare).add('replica', 'eventual', 1);
    expect(patterns.list()[0]).toMatchObject({ text: 'rare', count: 10 });
  });

  it('put texts together that are too long to be remembered', () => {
    for (const text of ['long', 'longer']) {
      patterns.of({ kind: 'write', text } as never).add('primary', 'write', 1);
    }
    expect(patterns.list()).toMatchObject([
      { count: 2, tables: null, text: expect.stringContaining('too long') },
    ]);
  });
});
