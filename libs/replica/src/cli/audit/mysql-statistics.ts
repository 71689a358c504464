import { CommandError } from '../command.error.js';
import type { Query } from '../node-connection.js';
import type { CountedText, StatementStatistics } from './statement-statistics.js';

/** Gives one row: whether the performance schema is on. Needs no privilege. */
const SWITCH_SQL = `/* nestjs-replica: audit */ SELECT @@global.performance_schema AS is_on, DATABASE() AS db`;

/** Gives `text`, `calls` and `total_ms` of each statement in the current database, and `hidden` for those that the table had no room for. */
const STATISTICS_SQL = `/* nestjs-replica: audit */ SELECT DIGEST_TEXT AS text, SUM(COUNT_STAR) AS calls,
  SUM(SUM_TIMER_WAIT) / 1000000000 AS total_ms, MIN(FIRST_SEEN) AS since
  FROM performance_schema.events_statements_summary_by_digest
  WHERE SCHEMA_NAME = DATABASE() OR DIGEST IS NULL GROUP BY DIGEST_TEXT`;

/** Access denied: to the table, to a column, to the database. */
const DENIED: readonly unknown[] = [1142, 1143, 1044];

const TURN_ON =
  'set performance_schema = ON in the configuration of the server, restart it, and let the application run for a day';

const MARK = 'nestjs-replica:';

/** Reads the digests of the performance schema. https://dev.mysql.com/doc/refman/8.4/en/performance-schema-statement-digests.html */
export async function readMysqlStatistics(query: Query): Promise<StatementStatistics> {
  const [settings] = await query(SWITCH_SQL);
  if (!isOn(settings?.['is_on'])) throw new CommandError(`the performance schema is off: ${TURN_ON}`);
  if (settings?.['db'] === null || settings?.['db'] === undefined)
    throw new CommandError('which database? The URL has to name the one of the application');
  const rows = await readRows(query);
  const texts = rows.flatMap(countedText);
  const begin = rows.map((row) => dateOf(row['since'])).filter((date) => date !== null);
  const cut = texts.filter(({ problem }) => problem !== undefined).length;
  const notes =
    cut === 0
      ? []
      : [
          `${cut} statements are cut off, and count as staying: raise max_digest_length and performance_schema_max_digest_length`,
        ];
  return {
    source: 'performance_schema.events_statements_summary_by_digest',
    since: begin.toSorted()[0] ?? null,
    texts,
    notes,
    whyHidden: 'the table of digests had no room for them: raise performance_schema_digests_size',
  };
}

async function readRows(query: Query): Promise<readonly Readonly<Record<string, unknown>>[]> {
  try {
    return await query(STATISTICS_SQL);
  } catch (error) {
    if (!DENIED.includes((error as { errno?: unknown }).errno)) throw error;
    throw new CommandError(
      'this user may not read the performance schema: GRANT SELECT ON performance_schema.* TO it',
    );
  }
}

function isOn(value: unknown): boolean {
  return value === 1 || value === '1' || value === 'ON';
}

function dateOf(value: unknown): string | null {
  const date = value instanceof Date ? value : new Date(String(value));
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

function countedText({ text, calls, total_ms: totalMs }: Readonly<Record<string, unknown>>): CountedText[] {
  const counts = { calls: Number(calls), totalMs: Number(totalMs) };
  if (counts.calls === 0) return [];
  if (text === null) return [{ candidates: [], text: null, ...counts }];
  const digest = Buffer.isBuffer(text) ? text.toString('utf8') : (text as string);
  if (digest.includes(MARK)) return [];
  const whole = { text: digest, ...counts };
  // A text that is cut off ends in three dots. Those of a list of values stand in parentheses.
  return [
    digest.endsWith('...')
      ? { candidates: [], problem: 'is cut off by the server', ...whole }
      : { candidates: sentTexts(digest), ...whole },
  ];
}

/** Texts that have the same digest. The server writes one list for all of its lengths, and puts names in quotes, also those of functions. */
function sentTexts(digest: string): readonly string[] {
  const whole = digest.replaceAll(/\(\s*\.\.\.\s*\)/g, '(?)').replaceAll('/* , ... */', '');
  const isOfFunction = /(?<!\. )`(\w+)` \(/g;
  return [whole.replaceAll(isOfFunction, '$1 ('), whole];
}
