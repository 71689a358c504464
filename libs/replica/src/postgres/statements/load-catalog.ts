import { FIXED_EFFECTS } from './built-in-functions.js';
import type { Catalog } from './catalog.js';
import { EFFECTS_QUERY, NAMES_QUERY } from './catalog-queries.js';
import { Effect, type Effects } from './effect.js';
import { LINKS_QUERY, restsOnOf } from './rests-on.js';

/** Runs one SQL text and gives its rows. */
export type CatalogQuery = (sql: string) => Promise<readonly Record<string, unknown>[]>;

/** Operators that keywords stand for: IN, BETWEEN, LIKE, SIMILAR TO, USING, DISTINCT, CASE, ORDER BY (manual, 9.2, 9.7, 9.25). */
const IMPLIED_OPERATORS = ['=', '<>', '<', '<=', '>', '>=', '~', '!~', '~~', '!~~', '~~*', '!~~*'];

/**
 * Reads from the system catalogs what the classifier has to know: three queries, a few milliseconds, on the primary or on a
 * standby, as any user. Run it as the user and in the database that the statements are for. Rejects as `query` does, and
 * with a TypeError on rows of another shape.
 */
export async function loadCatalog(query: CatalogQuery): Promise<Catalog> {
  const [names] = await query(NAMES_QUERY);
  const effects = await query(EFFECTS_QUERY);
  const links = await query(LINKS_QUERY);
  if (names === undefined) throw new TypeError('the query for the names of the catalog gave no row');
  const operators = withEffects(list(names.operators), effects, ['operator']);
  const functions = withEffects(list(names.functions), effects, ['function']);
  for (const [name, effect] of FIXED_EFFECTS) functions.set(name, (functions.get(name) ?? 0) | effect);
  return Object.freeze({
    functions,
    operators,
    impliedEffects: implied(operators, effects),
    attributes: withEffects([], effects, ['attribute']),
    mentions: withEffects([], effects, ['mention']),
    casts: withEffects([], effects, ['cast']),
    relations: new Set(list(names.relations)),
    restsOn: restsOnOf(links),
    revision: JSON.stringify([names, effects.map((row) => [row.kind, row.name, row.effects]), links]),
    plainBackslashes: names.strings === 'on',
  });
}

type Rows = readonly Record<string, unknown>[];

function list(json: unknown): readonly string[] {
  const names: unknown = typeof json === 'string' ? JSON.parse(json) : json;
  if (!Array.isArray(names))
    throw new TypeError('the query for the names of the catalog gave something else than names');
  return names.map(String);
}

function withEffects(
  harmless: readonly string[],
  rows: Rows,
  kinds: readonly string[],
): Map<string, Effects> {
  const effects = new Map<string, Effects>(harmless.map((name) => [name, Effect.none]));
  for (const row of rows) {
    if (!kinds.includes(String(row.kind))) continue;
    const name = String(row.name);
    effects.set(name, (effects.get(name) ?? Effect.none) | Number(row.effects));
  }
  return effects;
}

function implied(operators: ReadonlyMap<string, Effects>, rows: Rows): Effects {
  let all: Effects = Effect.none;
  for (const name of IMPLIED_OPERATORS) all |= operators.get(name) ?? Effect.none;
  for (const effects of withEffects([], rows, ['any']).values()) all |= effects;
  return all;
}
