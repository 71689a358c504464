import { formatTableName, type TableName } from '../../routing/table-name.js';
import { effectsOfName, relationEffects, Effect } from './effects.js';
import type { Catalog } from './catalog.js';
import type { Finding } from './finding.js';

/** Notes what the names in a statement do, by the word of the catalog. */
export class NameEffects {
  readonly #catalog: Catalog;
  readonly #finding: Finding;

  constructor(catalog: Catalog, finding: Finding) {
    this.#catalog = catalog;
    this.#finding = finding;
  }

  /** What every query may do without naming it. */
  useImplied(): void {
    for (const [what, effects] of this.#catalog.anywhere)
      this.#finding.noteEffects(effects, `may use the ${what}`);
  }

  /** A name stands anywhere: as a relation, column, alias or type, or behind a dot as an attribute. */
  use(name: string, isQualified: boolean): void {
    const { mentions, attributes } = this.#catalog;
    if (name.startsWith('pg_temp'))
      this.#finding.noteEffects(Effect.changesConnection, 'names a temporary schema');
    if (mentions.size > 0) {
      this.#finding.noteEffects(
        mentions.get(name) ?? Effect.none,
        'names a type that is not harmless to use',
      );
    }
    if (isQualified && attributes.size > 0) {
      this.#finding.noteEffects(attributes.get(name) ?? Effect.none, `may call ${name}() as an attribute`);
    }
  }

  /** Something is converted to the type of that name. */
  useType(name: string): void {
    const { casts } = this.#catalog;
    if (casts.size === 0) return;
    this.#finding.noteEffects(casts.get(name) ?? Effect.none, 'converts to a type that is not harmless');
  }

  /** A relation is read: its name stands in FROM, JOIN, TABLE and the like. */
  useRelation(tableName: TableName): void {
    const { relations, reads, restsOn } = this.#catalog;
    const { name } = tableName;
    const table = formatTableName(tableName);
    this.#finding.noteTable(table, restsOn.get(table));
    if (name.startsWith('pg_')) this.#finding.noteEffects(relationEffects(name), `reads ${name}`);
    if (reads.size > 0)
      this.#finding.noteEffects(reads.get(name) ?? Effect.none, 'reads a relation that only the primary may');
    if (relations === undefined || relations.has(name)) return;
    this.#finding.noteUnknown('reads a relation that the catalog does not know');
  }

  useOperator(name: string): void {
    const effects = this.#catalog.operators.get(name === '!=' ? '<>' : name);
    if (effects === undefined) this.#finding.noteUnknown('uses an operator that the catalog does not know');
    else this.#finding.noteEffects(effects, 'uses an operator whose function is not harmless');
  }

  /** `isConstruct`: the grammar knows it, so there need not be a function of that name. */
  call(name: string, isConstruct: boolean): void {
    const known = this.#catalog.functions.get(name);
    const byName = name.startsWith('pg_') ? effectsOfName(name) : Effect.none;
    if (known === undefined && byName === Effect.none) {
      if (!isConstruct) this.#finding.noteUnknown(`calls ${name}(), which the catalog does not know`);
      return;
    }
    const effects = (known ?? Effect.none) | byName;
    // What set_config leaves is known at its last argument.
    const now = name === 'set_config' ? effects & ~Effect.changesConnection : effects;
    this.#finding.noteEffects(now, `calls ${name}()`);
  }

  /** The end of a call of `set_config`. `isLocal`: it ends with the transaction (manual, 9.28.1). */
  setConfig(isLocal: boolean): void {
    this.#finding.noteEffects(
      isLocal ? Effect.usesConnection : Effect.changesConnection,
      'calls set_config()',
    );
  }
}
