import { startMariadbCluster, startPostgresCluster, type DatabaseCluster } from 'nestjs-replica/testing';

/** A database whose servers tests can start. */
export type TestDatabase = 'postgres' | 'mariadb';

declare global {
  // oxlint-disable-next-line no-var
  var testDatabase: TestDatabase | undefined;
}

/**
 * The database on which the tests of this file run: PostgreSQL, unless the file imports `on-mariadb.js` before all else. For a
 * benchmark its command line tells.
 */
export const TEST_DATABASE: TestDatabase =
  globalThis.testDatabase ?? (process.env['BENCH_DATABASE'] === 'mariadb' ? 'mariadb' : 'postgres');

/** What starts a cluster of each database. */
export const STARTS = { postgres: startPostgresCluster, mariadb: startMariadbCluster };

/** What of the two is right for {@link TEST_DATABASE}. */
export function forDatabase<T>(choices: Readonly<Record<TestDatabase, T>>): T {
  return choices[TEST_DATABASE];
}

/** A text with the placeholders (each once, in order) and the quotes of PostgreSQL, as the database writes it. */
export function inDialect(sql: string): string {
  return TEST_DATABASE === 'postgres' ? sql : sql.replaceAll(/\$\d+/g, '?').replaceAll('"', '`');
}

/** A statement that fails with `FAILURE_TEXT`, whatever it finds. */
export const FAILING_SQL = forDatabase({
  postgres: 'SELECT 1 / 0 FROM account',
  mariadb: 'SELECT (SELECT 1 UNION SELECT 2) FROM account',
});
export const FAILURE_TEXT = forDatabase({
  postgres: 'division by zero',
  mariadb: 'Subquery returns more than 1 row',
});

/** Defines tests of what only PostgreSQL has. */
export function onPostgres(define: () => void): void {
  if (TEST_DATABASE === 'postgres') define();
}

/** The database of a cluster that runs. */
export function databaseOf(cluster: DatabaseCluster): TestDatabase {
  return databaseOfUrl(cluster.primary.url);
}

/** The database that a URL of a node is for. */
export function databaseOfUrl(url: string): TestDatabase {
  return url.startsWith('mariadb:') ? 'mariadb' : 'postgres';
}

/** An expression that gives the name of the node that answers, and counts as a read. On MariaDB it needs a function. */
export const NODE_NAME_SQL: Readonly<Record<TestDatabase, string>> = {
  postgres: `current_setting('cluster_name')`,
  mariadb: 'node_name()',
};

/** Makes the function of {@link NODE_NAME_SQL}. */
export const NODE_NAME_FUNCTION_SQL = `
  CREATE FUNCTION node_name() RETURNS varchar(64) READS SQL DATA
    RETURN SUBSTRING_INDEX(SUBSTRING_INDEX(@@pid_file, '/', -1), '.', 1)`;
