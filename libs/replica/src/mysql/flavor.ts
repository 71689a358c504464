/** What differs between MariaDB and MySQL. */
export interface Flavor {
  readonly name: 'MariaDB' | 'MySQL';
  /** Makes the session's answers carry the GTIDs of its writes. Needs no privilege. */
  readonly trackSql: string;
  /** Gives one row: `gtid`, that of the session's last write, or empty. `undefined`: the server does not remember it. */
  readonly lastGtidSql: string | undefined;
  /** Sets how long a statement may run, in milliseconds. */
  readonly limitSql: (statementMs: number) => string;
  /** Gives one row that identifies the server; see `identifyServer`. Needs no privilege. */
  readonly identitySql: string;
}

/**
 * Gives one row:
 *
 * - `server`: the name under which the server stands in GTIDs
 * - `uid`: an identifier of its installation; NULL if the server has none
 * - `started`: when the server was started, in whole seconds of its own clock. Both terms are taken at the start of the
 *   statement, so that the difference is always the same
 * - `uptime_s`: for how many seconds it has been running
 * - `own_address`: `host:port`
 *
 * https://mariadb.com/docs/server/ha-and-performance/optimization-and-tuning/system-variables/server-status-variables#uptime
 */
const identitySql = (
  server: string,
  status: string,
): string => `/* nestjs-replica: identity */ SELECT ${server},
  UNIX_TIMESTAMP() - VARIABLE_VALUE AS started, VARIABLE_VALUE AS uptime_s,
  CONCAT(@@global.hostname, ':', @@global.port) AS own_address
  FROM ${status} WHERE VARIABLE_NAME = 'Uptime'`;

/** https://mariadb.com/docs/server/ha-and-performance/standard-replication/gtid#last_gtid */
export const MARIADB: Flavor = {
  name: 'MariaDB',
  trackSql:
    "session_track_system_variables = CONCAT_WS(',', NULLIF(@@session_track_system_variables, ''), 'last_gtid')",
  lastGtidSql: '/* nestjs-replica: position */ SELECT @@last_gtid AS gtid',
  limitSql: (statementMs) => `max_statement_time = ${statementMs / 1_000}`,
  // `@@server_uid` is too young to be asked for.
  identitySql: identitySql('@@global.server_id AS server, NULL AS uid', 'information_schema.GLOBAL_STATUS'),
};

/**
 * `max_execution_time` limits only SELECT.
 * https://dev.mysql.com/doc/refman/8.4/en/server-system-variables.html#sysvar_session_track_gtids
 */
export const MYSQL: Flavor = {
  name: 'MySQL',
  trackSql: 'session_track_gtids = OWN_GTID',
  lastGtidSql: undefined,
  limitSql: (statementMs) => `max_execution_time = ${Math.ceil(statementMs)}`,
  identitySql: identitySql(
    '@@global.server_uuid AS server, @@global.server_uuid AS uid',
    'performance_schema.global_status',
  ),
};

/** The flavor by the version that the server sends in its greeting. */
export function flavorOf(serverVersion: string): Flavor {
  return /mariadb/i.test(serverVersion) ? MARIADB : MYSQL;
}

/** Begins the statements that set a connection up, so that a log tells whose they are. */
export const SET_UP_MARK = '/* nestjs-replica: connection */';

/**
 * The server refuses every write on a replica's connection from now on, whatever the user may do and whatever stored procedures
 * contain. Needs no privilege.
 */
export const READ_ONLY_SQL = `${SET_UP_MARK} SET SESSION TRANSACTION READ ONLY`;
