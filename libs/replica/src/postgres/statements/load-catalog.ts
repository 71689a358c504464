import { Effect, type Effects } from '../../execution/statements/effects.js';
import type { CatalogQuery } from '../../execution/database.js';
import type { Catalog } from './catalog.js';
import { EFFECTS_QUERY } from './effects-query.js';
import { FIXED_EFFECTS } from './effects.js';
import { reachOf, restsOnOf } from '../../execution/statements/rests-on.js';
import { LINKS_QUERY } from './links-query.js';

/**
 * Gives all names that a query can use, in one row: `functions`, `operators` and `relations`, each a JSON array as text, and `strings`,
 * the setting `standard_conforming_strings` (null if the server no longer has it). Needs no privileges beyond PUBLIC's. Leaves out
 * temporary relations, which only their own session can use.
 */
export const NAMES_QUERY = `
select
  current_setting('standard_conforming_strings', true) as strings,
  (select json_agg(distinct proname) from pg_catalog.pg_proc
    where prorettype not in ('trigger'::regtype, 'event_trigger'::regtype))::text as functions,
  (select json_agg(distinct oprname) from pg_catalog.pg_operator)::text as operators,
  (select json_agg(distinct relname) from pg_catalog.pg_class
    where relkind in ('r', 'v', 'm', 'f', 'p', 'S') and relpersistence <> 't')::text as relations`;

/**
 * Reads what the classifier needs from the system catalogs. It takes three queries and a few milliseconds, on the primary or a standby,
 * and any user may run it. Use the database and the user of the statements. Rejects as `query` does, and with a TypeError if the rows
 * have another shape.
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
    reach: reachOf(links),
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
