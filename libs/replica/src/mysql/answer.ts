import type * as mysql2 from 'mysql2';

/** What `connection.query()` of `mysql2` passes to its callback besides the error, in one object. */
export type MysqlAnswer = readonly [rows: unknown, fields: unknown];

/** The arguments of `connection.query()`, without the callback. */
export type QueryArguments = readonly [query: string | mysql2.QueryOptions, values?: unknown];

/**
 * A command that `mysql.createQuery()` makes: the rows of a stream come as its events, because it has no callback. `sql` is the
 * text with its placeholders until `mysql2` sends it.
 */
export type QueryCommand = mysql2.Query & { sql: string };

/** The answer to a statement that returns no rows. `mysql2` publishes only a part of it. */
export interface OkPacket {
  readonly serverStatus: number;
  /** Absent if nothing that the session tracks has changed. */
  readonly stateChanges?: {
    readonly systemVariables: Readonly<Record<string, string | undefined>>;
    readonly gtids: readonly string[];
  };
}

/** Whether one result of a statement is an OK packet. Otherwise it is a list of rows. */
export function isOkPacket(result: unknown): result is OkPacket {
  return typeof result === 'object' && result !== null && 'serverStatus' in result;
}

/**
 * The OK packet that ends an answer; `undefined` if rows end it. CALL and several statements in one text give a list of results,
 * and the last one counts.
 */
export function lastOkOf([rows]: MysqlAnswer): OkPacket | undefined {
  const last: unknown = Array.isArray(rows) ? rows.at(-1) : rows;
  return isOkPacket(last) ? last : undefined;
}
