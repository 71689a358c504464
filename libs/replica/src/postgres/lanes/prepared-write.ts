import type pg from 'pg';
import { messageOf } from '../../errors/describe-error.js';
import type { Answer, PreparedStatement, PreparedWriteSupport } from '../../execution/database.js';
import { clientOf } from '../connection.js';
import { preparedFailureOf } from '../error-kinds.js';
import { laneCallOf, laneQuery, type PgLaneCall, type PgPreparedStatement } from './lane-query.js';
import { preparedStatementsOf } from './prepared-statements.js';

/** Writes with values: `pg` sends them by the extended protocol anyway, only without a name. */
export const PG_PREPARED_WRITES: PreparedWriteSupport = {
  callOf: (args) => {
    const call = laneCallOf(args);
    return call?.values === undefined || call.values === null || call.values.length === 0 ? undefined : call;
  },
  statementsOf: (connection, max) => preparedStatementsOf(clientOf(connection), max),
  failureOf,
};

/**
 * The server refuses a statement that is gone, is there already, or is outdated, before it begins. A function that the write calls may
 * fail with the same codes, but names another statement, or comes from another routine of the server.
 */
function failureOf(error: unknown, name: string): 'changed' | 'lost' | undefined {
  const failure = preparedFailureOf(error);
  if (failure === 'lost') return messageOf(error).includes(name) ? failure : undefined;
  return (error as { routine?: unknown } | null)?.routine === 'RevalidateCachedQuery' ? failure : undefined;
}

export function runPrepared(
  client: pg.ClientBase,
  [call]: readonly unknown[],
  prepared: PreparedStatement,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const query = laneQuery(call as PgLaneCall, prepared as PgPreparedStatement, (error, result) => {
      if (error === null || error === undefined) resolve(result as unknown as Answer);
      else reject(error);
    });
    client.query(query as pg.Submittable);
  });
}
