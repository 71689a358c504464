import { describe, expect, it } from '@jest/globals';
import { PostgresAccess } from '../postgres/node-access.js';
import { logMissingLanes } from './node-pools.js';
import { importPg } from '../postgres/pg-module.js';

await importPg();

/** As `pg` before 8.23, which knows no pipeline. */
class OldClient {}

function linesFor(config: Record<string, unknown>): string[] {
  const lines: string[] = [];
  const log = { log: () => undefined, warn: (line: string) => lines.push(line), error: () => undefined };
  const database = { watch: () => undefined };
  logMissingLanes(new PostgresAccess({ database, config, onIdleError: () => undefined }), log);
  return lines;
}

describe('reads that do not share connections', () => {
  it.each([
    ['a pg before 8.23', { Client: OldClient }, '8.23 or later can'],
    ['query_timeout', { query_timeout: 5_000 }, 'use statement_timeout'],
    ['maxUses', { maxUses: 7 }, 'maxUses counts how often a connection is used'],
  ])('are told of once, with the reason: %s', (_, extra, reason) => {
    expect(linesFor(extra)).toEqual([
      expect.stringMatching(new RegExp(`^each read has a connection to itself \\(no lanes\\): .*${reason}`)),
    ]);
  });

  it('are nothing to tell of where they share', () => {
    expect(linesFor({})).toEqual([]);
  });
});
