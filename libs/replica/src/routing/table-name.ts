/** The name of a table, view or other relation as the catalog has it: case folded, without quotes. */
export interface TableName {
  /** Absent: the schema that the search path leads to. */
  readonly schema?: string;
  readonly name: string;
}

/** A part of a name in double quotes, or one without dots and quotes. */
const PART = '(?:"((?:[^"]|"")+)"|([^".]+))';
const NAME = new RegExp(`^(?:${PART}\\.)?${PART}$`);
const NEEDS_QUOTES = /[".]/;

/**
 * A name as one text: `accounts`, `billing.accounts`. Unlike in SQL, letters keep their case without quotes. Only a part that
 * holds a dot or a double quote is quoted.
 */
export function formatTableName({ schema, name }: TableName): string {
  return schema === undefined ? quoted(name) : `${quoted(schema)}.${quoted(name)}`;
}

/** Reads what {@link formatTableName} writes; `undefined` if the text is no such name. */
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
