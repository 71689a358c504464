import { describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import { queryWith } from './query-call.js';

/** An instrumented client: it passes on a copy of the config's own properties. */
function instrumentedClient(seen: unknown[]): pg.ClientBase {
  const query = (
    config: unknown,
    values: unknown,
    callback: (error: unknown, result: object) => void,
  ): void => {
    seen.push(typeof config === 'string' ? config : { ...(config as object) }, values);
    callback(null, {});
  };
  return { query } as unknown as pg.ClientBase;
}

describe('queryWith', () => {
  it('passes on all of a config in a new object', async () => {
    const config = Object.freeze({ text: 'SELECT $1', values: [1], rowMode: 'array', name: undefined });
    const seen: unknown[] = [];
    await queryWith(instrumentedClient(seen), [config]);
    expect(seen[0]).toEqual(config);
  });

  it('passes on properties that the config inherits from a class', async () => {
    class Statement {
      readonly name = 'one';
      get text(): string {
        return 'SELECT $1';
      }
      get values(): unknown[] {
        return [1];
      }
    }
    const seen: unknown[] = [];
    await queryWith(instrumentedClient(seen), [new Statement(), [2]]);
    expect(seen).toEqual([{ name: 'one', text: 'SELECT $1', values: [1] }, [2]]);
  });

  it('passes on a text unchanged', async () => {
    const seen: unknown[] = [];
    await queryWith(instrumentedClient(seen), ['SELECT 1']);
    expect(seen[0]).toBe('SELECT 1');
  });
});
