/** The name of a table, view or other relation, as the catalogs have it: folded, without quotes. */
export interface TableName {
  /** Absent: in whichever schema the search path leads to. */
  readonly schema?: string;
  readonly name: string;
}

/** A part of a name in double quotes, or one without dots and quotes. */
const PART = '(?:"((?:[^"]|"")+)"|([^".]+))';
const NAME = new RegExp(`^(?:${PART}\\.)?${PART}$`);
const NEEDS_QUOTES = /[".]/;

/**
 * A name as one text: `accounts`, `billing.accounts`. Not as SQL has it: letters keep their case without quotes, and only a
 * part that holds a dot or a double quote stands in double quotes.
 */
export function formatTableName({ schema, name }: TableName): string {
  return schema === undefined ? quoted(name) : `${quoted(schema)}.${quoted(name)}`;
}

/** The other way; `undefined` for a text that is no such name. */
export function parseTableName(text: string): TableName | undefined {
  const found = NAME.exec(text);
  if (found === null) return undefined;
  const [, quotedSchema, schema, quotedName, name = ''] = found;
  return {
    schema: quotedSchema === undefined ? schema : unquoted(quotedSchema),
    name: quotedName === undefined ? name : unquoted(quotedName),
  };
}

function quoted(part: string): string {
  return NEEDS_QUOTES.test(part) ? `"${part.replaceAll('"', '""')}"` : part;
}

function unquoted(part: string): string {
  return part.replaceAll('""', '"');
}
