import type { CatalogQuery } from '../../execution/database.js';
import { FIXED_EFFECTS } from './built-in-functions.js';
import type { Catalog } from './catalog.js';
import { Effect, type Effects } from './effect.js';
import { EFFECTS_QUERY } from './effects-query.js';
import { NAMES_QUERY } from './names-query.js';
import { LINKS_QUERY, restsOnOf } from './rests-on.js';

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
  const functions = withEffects(list(names.functions), effects, 'function');
  const anywhere = withEffects([], effects, 'any');
  for (const [name, effect] of FIXED_EFFECTS) functions.set(name, (functions.get(name) ?? 0) | effect);
  return Object.freeze({
    functions,
    operators: withEffects(list(names.operators), effects, 'operator'),
    anywhere,
    attributes: withEffects([], effects, 'attribute'),
    reads: withEffects([], effects, 'relation'),
    mentions: withEffects([], effects, 'mention'),
    casts: withEffects([], effects, 'cast'),
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

function withEffects(harmless: readonly string[], rows: Rows, kind: string): Map<string, Effects> {
  const effects = new Map<string, Effects>(harmless.map((name) => [name, Effect.none]));
  for (const row of rows) {
    if (row.kind !== kind) continue;
    const name = String(row.name);
    effects.set(name, (effects.get(name) ?? Effect.none) | Number(row.effects));
  }
  return effects;
}
