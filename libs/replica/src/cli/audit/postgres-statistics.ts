import { codeOf } from '../../errors/describe-error.js';
import { CommandError } from '../command.error.js';
import type { Query } from '../node-connection.js';
import type { CountedText, StatementStatistics } from './statement-statistics.js';

/** Gives a row if the extension was created in this database: `in_schema`, and the `columns` of its view. Needs no privilege. */
const EXTENSION_SQL = `SELECT /* nestjs-replica: audit */ n.nspname AS in_schema, current_database() AS database,
  (SELECT array_to_string(array_agg(a.attname::text), ',') FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = to_regclass(quote_ident(n.nspname) || '.pg_stat_statements') AND a.attnum > 0) AS columns
  FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
  WHERE e.extname = 'pg_stat_statements'`;

interface ExtensionRow {
  readonly in_schema: string;
  readonly columns: string | null;
}

/** `object_not_in_prerequisite_state`: the library was not loaded at the start of the server. */
const NOT_LOADED = '55000';
const INSUFFICIENT_PRIVILEGE = '42501';

/** What a role sees of the statements of others. */
const HIDDEN = '<insufficient privilege>';

const INSTALL =
  'add pg_stat_statements to shared_preload_libraries, restart the server, run CREATE EXTENSION pg_stat_statements as a superuser, and let the application run for a day';

/**
 * What the library and this command ask. PostgreSQL 18 leaves out comments before the first word, so the probes of the monitor and the
 * questions about the catalog are known by the names of their columns.
 */
const OWN =
  /nestjs-replica:|\bAS in_recovery\b|\bAS wal_block_size\b|\bfixed\(name, effect\)|\blinks\(kind, oid, other\)/;

/** A standby counts what it has answered itself, which is not the load of a primary. Needs no privilege. */
const STANDBY_SQL = 'SELECT /* nestjs-replica: audit */ pg_is_in_recovery() AS is_standby';

/** Reads `pg_stat_statements` of PostgreSQL 13 or later, for the current database. https://www.postgresql.org/docs/current/pgstatstatements.html */
export async function readPostgresStatistics(query: Query): Promise<StatementStatistics> {
  const [node] = await query(STANDBY_SQL);
  if (node?.['is_standby'] === true)
    throw new CommandError(
      'this server is in recovery (a standby), and audit asks what the primary has run: is it swapped with a replica?',
    );
  const [extension] = (await query(EXTENSION_SQL)) as unknown as readonly ExtensionRow[];
  if (extension === undefined || extension.columns === null)
    throw new CommandError(`pg_stat_statements is not installed in this database: ${INSTALL}`);
  const schema = `"${extension.in_schema.replaceAll('"', '""')}"`;
  const columns = extension.columns.split(',');
  try {
    const rows = await query(statisticsSql(schema, columns));
    const since = await sinceOf(query, schema);
    const texts = rows.flatMap((row) => countedText(row));
    return {
      source: 'pg_stat_statements',
      since,
      texts,
      notes: [],
      whyHidden: 'they are of other users: GRANT pg_read_all_stats TO the user of this command',
    };
  } catch (error) {
    if (codeOf(error) === NOT_LOADED)
      throw new CommandError(`pg_stat_statements is installed but not loaded: ${INSTALL}`);
    if (codeOf(error) === INSUFFICIENT_PRIVILEGE)
      throw new CommandError(
        `this user may not read pg_stat_statements: GRANT pg_read_all_stats TO it, and SELECT on the view ${schema}.pg_stat_statements`,
      );
    throw error;
  }
}

/**
 * Gives `text`, `calls` and `total_ms` of each text. What functions run inside is not counted: no application sends it. Needs
 * `pg_read_all_stats` to see the texts of other users.
 */
function statisticsSql(schema: string, columns: readonly string[]): string {
  const total = columns.includes('total_exec_time') ? 'total_exec_time' : 'total_time';
  return `SELECT /* nestjs-replica: audit */ s.query AS text, sum(s.calls)::float8 AS calls, sum(s.${total})::float8 AS total_ms
    FROM ${schema}.pg_stat_statements s
    WHERE s.dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
    ${columns.includes('toplevel') ? 'AND s.toplevel' : ''} GROUP BY s.query`;
}

/** From PostgreSQL 14 on the server tells when its statistics were last reset. */
async function sinceOf(query: Query, schema: string): Promise<string | null> {
  const sql = `SELECT /* nestjs-replica: audit */ to_char(stats_reset AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS since
    FROM ${schema}.pg_stat_statements_info`;
  try {
    const [row] = (await query(sql)) as unknown as readonly { readonly since: string | null }[];
    return row?.since ?? null;
  } catch {
    return null;
  }
}

function countedText({ text, calls, total_ms: totalMs }: Readonly<Record<string, unknown>>): CountedText[] {
  const counts = { calls: Number(calls), totalMs: Number(totalMs) };
  if (typeof text !== 'string' || text === HIDDEN) return [{ candidates: [], text: null, ...counts }];
  if (OWN.test(text)) return [];
  return [{ candidates: candidatesOf(text), text, ...counts }];
}

/** The server writes `$1` also where only a literal may stand, as in `interval '1 day'`. */
function candidatesOf(text: string): readonly string[] {
  return /\$\d/.test(text) ? [text, text.replaceAll(/(?<![\w$])\$\d+(?!\w)/g, "'1'")] : [text];
}
