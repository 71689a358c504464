import { describe, expect, it } from '@jest/globals';
import { statementLimitMs } from './statement-limit.js';

describe('statementLimitMs', () => {
  it.each([
    [{}, Infinity],
    [{ statement_timeout: 0, query_timeout: 0 }, Infinity],
    [{ statement_timeout: false as const }, Infinity],
    [{ statement_timeout: 300, query_timeout: 200 }, 200],
    [{ statement_timeout: 300 }, 300],
  ])('of %j is %p', (config, limitMs) => {
    expect(statementLimitMs(config)).toBe(limitMs);
  });
});
