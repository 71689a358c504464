import { describe, expect, it } from '@jest/globals';
import { limitsOf } from './node-access.js';

describe('the time limit of a statement', () => {
  it.each([
    [{}, Infinity],
    [{ statement_timeout: 0, query_timeout: 0 }, Infinity],
    [{ statement_timeout: false as const }, Infinity],
    [{ statement_timeout: 300, query_timeout: 200 }, 200],
    [{ statement_timeout: 300 }, 300],
  ])('with %j is %p', (config, limitMs) => {
    expect(limitsOf(config).statementMs).toBe(limitMs);
  });
});
