import { describe, expect, it } from '@jest/globals';
import type { ProbeResult } from '../topology/node-probe.js';
import type { MysqlAnswer } from './answer.js';
import { connectionOf, type MysqlConnection } from './connection.js';
import { MARIADB } from './flavor.js';
import { MysqlPiggyback } from './piggyback.js';

const ok = (gtid?: string, gtids: readonly string[] = []): object => ({
  serverStatus: 2,
  ...(gtid === undefined && gtids.length === 0
    ? {}
    : { stateChanges: { systemVariables: gtid === undefined ? {} : { last_gtid: gtid }, gtids } }),
});

/** A connection that answers each statement with the next result. `mayHaveWritten`: what the end of rows says. */
function connectionWith(
  results: readonly unknown[],
  mayHaveWritten = false,
): { sent: string[]; connection: MysqlConnection } {
  const left = [...results];
  const sent: string[] = [];
  const connection = {
    flavor: MARIADB,
    transaction: 'idle',
    rowsMayHaveWritten: mayHaveWritten,
    tellsPositions: true,
    query: ([text]: [string], settled: (error: unknown, answer: MysqlAnswer | undefined) => void) => {
      sent.push(text);
      const result = left.shift();
      if (result instanceof Error) settled(result, undefined);
      else settled(undefined, [result, undefined]);
    },
  };
  return { sent, connection: connection as unknown as MysqlConnection };
}

async function write(
  connection: MysqlConnection,
  positionOf: (gtid: string) => bigint | undefined = () => 17n,
): Promise<unknown[]> {
  const events: unknown[] = [];
  const told = (failure: unknown, read: (() => ProbeResult) | undefined): void =>
    void events.push(read === undefined ? failure : read().position);
  const piggyback = new MysqlPiggyback((_, gtid) => positionOf(gtid));
  await piggyback.run(connectionOf(connection), { args: ['UPDATE t SET n = 1', []] }, told).then(
    () => events.push('answered'),
    (error: Error) => events.push(error.message),
  );
  return events;
}

describe('the position of a write', () => {
  it.each([
    ['an answer of MariaDB', ok('0-1-17')],
    ['an answer of MySQL', ok(undefined, ['3e11fa47-71ca-11e1-9e33-c80aa9429562:17'])],
    ['the last answer of a procedure', [[{ id: 1 }], ok('0-1-17')]],
  ])('comes with %s, and no statement is sent for it', async (_, result) => {
    const { sent, connection } = connectionWith([result]);
    expect(await write(connection)).toEqual([17n, 'answered']);
    expect(sent).toHaveLength(1);
  });

  it('is not told if nothing was written', async () => {
    expect(await write(connectionWith([ok()]).connection)).toEqual(['answered']);
    expect(await write(connectionWith([[{ id: 1 }]]).connection)).toEqual(['answered']);
  });

  it('is asked for behind rows that end with the word that something was written', async () => {
    const { sent, connection } = connectionWith([[{ id: 1 }], [{ gtid: '0-1-17' }]], true);
    expect(await write(connection)).toEqual([17n, 'answered']);
    expect(sent).toHaveLength(2);
  });

  it('is not that of an earlier write', async () => {
    const { connection } = connectionWith([ok('0-1-16'), [{ id: 1 }], [{ gtid: '0-1-16' }]], true);
    await write(connection);
    expect(await write(connection)).toEqual(['answered']);
  });

  it('is not known if another server than the primary wrote it', async () => {
    expect(await write(connectionWith([ok('0-9-17')]).connection, () => undefined)).toEqual([
      undefined,
      'answered',
    ]);
  });

  it('changes nothing about a write that fails', async () => {
    expect(await write(connectionWith([new Error('Duplicate entry')]).connection)).toEqual([
      'Duplicate entry',
    ]);
  });
});
