import type { CatalogQuery } from '../../execution/database.js';
import { Effect, type Effects } from '../../execution/statements/effects.js';
import { restsOnOf } from '../../execution/statements/rests-on.js';
import { formatTableName } from '../../routing/table-name.js';
import type { Catalog } from './catalog.js';
import { SYSTEM_SCHEMAS } from './name-effects.js';
import { viewEffects, type View } from './view-effects.js';

/**
 * Gives one row, with `folds`: `lower_case_table_names`, which is not 0 if the names of tables are compared without regard to case. Needs
 * no privilege.
 */
const CASE_QUERY = 'SELECT @@lower_case_table_names AS folds';

/** Gives `in_schema`, `name` and `access` of each stored function that the user may execute. */
const FUNCTIONS_QUERY = `SELECT ROUTINE_SCHEMA AS in_schema, ROUTINE_NAME AS name, SQL_DATA_ACCESS AS access
FROM information_schema.ROUTINES WHERE ROUTINE_TYPE = 'FUNCTION' ORDER BY 1, 2, 3`;

/** Gives `in_schema`, `name`, `type` and `engine` of each table and view on which the user has any privilege. */
const TABLES_QUERY = `SELECT TABLE_SCHEMA AS in_schema, TABLE_NAME AS name, TABLE_TYPE AS type, ENGINE AS engine
FROM information_schema.TABLES WHERE TABLE_SCHEMA NOT IN (${[...SYSTEM_SCHEMAS].map((name) => `'${name}'`).join(', ')})
ORDER BY 1, 2`;

/** Gives `in_schema`, `name` and `query` of each view. The query is empty if the user does not have the privilege SHOW VIEW. */
const VIEWS_QUERY = `SELECT TABLE_SCHEMA AS in_schema, TABLE_NAME AS name, VIEW_DEFINITION AS query
FROM information_schema.VIEWS WHERE TABLE_SCHEMA NOT IN ('sys', 'mysql') ORDER BY 1, 2`;

/** Engines whose rows are seen by others only after the commit is in the binary log. */
const TRANSACTIONAL: ReadonlySet<string> = new Set(['innodb', 'rocksdb']);
const TABLE_TYPES: ReadonlySet<string> = new Set(['BASE TABLE', 'SYSTEM VERSIONED']);

type Row = Readonly<Record<string, unknown>>;

/**
 * Reads what the classifier needs from the information schema. Use the user of the statements: it sees what that user may use. Rejects as
 * `query` does, and with a TypeError if the rows have another shape.
 */
export async function loadCatalog(query: CatalogQuery): Promise<Catalog> {
  const [settings] = await query(CASE_QUERY);
  const functions = await query(FUNCTIONS_QUERY);
  const tables = await query(TABLES_QUERY);
  const views = await query(VIEWS_QUERY);
  if (settings === undefined) throw new TypeError('the query for the settings of the catalog gave no row');
  const foldsTables = Number(settings.folds) !== 0;
  const known: Catalog = {
    functions: functionsOf(functions),
    relations: relationsOf(tables, foldsTables),
    restsOn: new Map(),
    foldsTables,
    revision: JSON.stringify([settings, functions, tables, views]),
  };
  return Object.freeze(withViews(known, views));
}

/** A text of a row. Some drivers give the information schema's texts as bytes. */
function textOf(row: Row, column: string): string {
  const value = row[column];
  if (value === null) return '';
  if (typeof value === 'string') return value;
  if (Buffer.isBuffer(value)) return value.toString('utf8');
  throw new TypeError(`a query for the catalog gave no text in its column ${column}`);
}

/** Adds what a name does to what other objects of that name do. */
function add(effects: Map<string, Effects>, name: string, more: Effects): void {
  effects.set(name, (effects.get(name) ?? Effect.none) | more);
}

/** Without its database, a name of a system database means nothing to an application. */
function addName(
  effects: Map<string, Effects>,
  { schema, name }: Record<'schema' | 'name', string>,
  more: Effects,
): void {
  add(effects, formatTableName({ schema, name }), more);
  if (!SYSTEM_SCHEMAS.has(schema)) add(effects, formatTableName({ name }), more);
}

/** What a function declares is a promise, which the server does not check. Those of `sys` describe one server. */
function functionsOf(rows: readonly Row[]): Map<string, Effects> {
  const effects = new Map<string, Effects>();
  for (const row of rows) {
    const access = textOf(row, 'access');
    const isHarmless = access === 'NO SQL' || access === 'READS SQL DATA';
    const name = { schema: textOf(row, 'in_schema').toLowerCase(), name: textOf(row, 'name').toLowerCase() };
    const harmless = SYSTEM_SCHEMAS.has(name.schema) ? Effect.primaryOnly : Effect.readsTables;
    addName(effects, name, isHarmless ? harmless : Effect.writes);
  }
  return effects;
}

function nameIn(row: Row, foldsTables: boolean): Record<'schema' | 'name', string> {
  const [schema, name] = [textOf(row, 'in_schema'), textOf(row, 'name')];
  return foldsTables ? { schema: schema.toLowerCase(), name: name.toLowerCase() } : { schema, name };
}

/** Views count as harmless here: {@link viewEffects} adds what they do. */
function relationsOf(rows: readonly Row[], foldsTables: boolean): Map<string, Effects> {
  const effects = new Map<string, Effects>();
  for (const row of rows) {
    const type = textOf(row, 'type');
    const isHarmless =
      type === 'VIEW' || (TABLE_TYPES.has(type) && TRANSACTIONAL.has(textOf(row, 'engine').toLowerCase()));
    addName(effects, nameIn(row, foldsTables), isHarmless ? Effect.none : Effect.primaryOnly);
  }
  return effects;
}

function withViews(known: Catalog, rows: readonly Row[]): Catalog {
  const views = new Map<string, View>();
  for (const row of rows) {
    const name = nameIn(row, known.foldsTables);
    views.set(formatTableName(name), { name, query: textOf(row, 'query') });
  }
  const { effects, links } = viewEffects(views, known);
  const relations = new Map(known.relations);
  for (const [view, { name }] of views) addName(relations, name, effects.get(view) ?? Effect.writes);
  return { ...known, relations, restsOn: restsOnOf(links) };
}
