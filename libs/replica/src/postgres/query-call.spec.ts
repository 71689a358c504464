import { describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import { queryWith } from './query-call.js';

/** A client under instrumentation that passes on a copy of what the config itself has. */
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
  it('gives a client all of a config, in an object of its own', async () => {
    const config = Object.freeze({ text: 'SELECT $1', values: [1], rowMode: 'array', name: undefined });
    const seen: unknown[] = [];
    await queryWith(instrumentedClient(seen), [config]);
    expect(seen[0]).toEqual(config);
  });

  it('gives a client what a class of the caller has by inheritance, too', async () => {
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

  it('leaves texts as they are', async () => {
    const seen: unknown[] = [];
    await queryWith(instrumentedClient(seen), ['SELECT 1']);
    expect(seen[0]).toBe('SELECT 1');
  });
});
