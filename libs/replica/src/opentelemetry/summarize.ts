/** What a statement does, in few words. */
export interface StatementSummary {
  /** Its first word, such as `SELECT`. */
  readonly operation: string;
  /** The tables that it reads or writes, as far as is known. */
  readonly tables: readonly string[];
  /** The operation and the tables, such as `SELECT products`. */
  readonly text: string;
}

/** The conventions allow no more. */
const MAX_CHARACTERS = 255;

const OPERATION = /^[\s(]*([a-z]+)/i;

/** The table that a statement writes. */
const TARGET =
  /^\s*(?:insert\s+(?:ignore\s+)?into|replace\s+into|update(?:\s+only)?|delete\s+from(?:\s+only)?|merge\s+into|truncate(?:\s+table)?)\s+((?:["`]?\w+["`]?\.)?["`]?\w+["`]?)/i;

/**
 * Summarizes a SQL text.
 *
 * @param tables those that it reads; `null`: not known
 */
export function summarize(text: string, tables: readonly string[] | null): StatementSummary {
  const operation = OPERATION.exec(text)?.[1]?.toUpperCase() ?? 'QUERY';
  const target = tables === null ? TARGET.exec(text)?.[1]?.replaceAll(/["`]/g, '') : undefined;
  const named = tables ?? (target === undefined ? [] : [target]);
  const words = [operation, ...named].join(' ');
  const summary =
    words.length <= MAX_CHARACTERS ? words : words.slice(0, words.lastIndexOf(' ', MAX_CHARACTERS));
  return { operation, tables: named, text: summary };
}
