import type { StatementCall } from '../execution/database.js';

/** What code that uses `mysql2` passes as a callback. */
export type QueryCallback = (error: unknown, rows?: unknown, fields?: unknown) => void;

/** How deep the search for SQL among the values goes. Whatever lies deeper counts as SQL. */
const DEPTH = 3;

/**
 * A call of `query(text | { sql, values, ... }, values?)`. `mysql2` puts the values into the text. If one of them may be more than
 * a value there, nobody knows what the statement does, so its text counts as empty.
 */
export function statementCallOf(query: unknown, values: unknown): StatementCall {
  const options = typeof query === 'object' && query !== null ? (query as QueryOptions) : undefined;
  const sql = options === undefined ? query : options.sql;
  const text = typeof sql === 'string' ? sql : '';
  const args = values === undefined ? [query] : [query, values];
  return { text: putsSqlIn(text, values ?? options?.values) ? '' : text, args };
}

interface QueryOptions {
  readonly sql?: unknown;
  readonly values?: unknown;
}

/** `??` stands for a name, and `mysql.raw()` makes objects that are SQL. */
function putsSqlIn(text: string, values: unknown): boolean {
  return values !== undefined && values !== null && (text.includes('??') || holdsSql(values, DEPTH));
}

function holdsSql(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (typeof (value as { toSqlString?: unknown }).toSqlString === 'function') return true;
  if (value instanceof Date || ArrayBuffer.isView(value)) return false;
  if (depth === 0) return true;
  const inside: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  return inside.some((one) => holdsSql(one, depth - 1));
}
