import { Effect } from '../../execution/statements/effects.js';
import { formatTableName, type TableName } from '../../routing/table-name.js';
import { effectsOfName, relationEffects } from './effects.js';
import type { Catalog } from './catalog.js';
import type { Finding } from '../../execution/statements/finding.js';

/** Notes the effects of the names in a statement, according to the catalog. */
export class NameEffects {
  readonly #catalog: Catalog;
  readonly #finding: Finding;

  constructor(catalog: Catalog, finding: Finding) {
    this.#catalog = catalog;
    this.#finding = finding;
  }

  /** Notes what every query may use without naming it. */
  useImplied(): void {
    for (const [what, effects] of this.#catalog.anywhere)
      this.#finding.noteEffects(effects, `may use the ${what}`);
  }

  /** Notes a name in any place: a relation, column, alias or type, or an attribute after a dot. */
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

  useType(name: string): void {
    const { casts } = this.#catalog;
    if (casts.size === 0) return;
    this.#finding.noteEffects(casts.get(name) ?? Effect.none, 'converts to a type that is not harmless');
  }

  /** Notes that the statement reads a relation: the name is in FROM, JOIN, TABLE or the like. */
  useRelation(tableName: TableName): void {
    const { relations, reads, restsOn } = this.#catalog;
    const { name } = tableName;
    const table = formatTableName(tableName);
    this.#finding.noteTable(table, restsOn.get(table));
    if (name.startsWith('pg_')) this.#finding.noteEffects(relationEffects(name), `reads ${name}`);
    if (reads.size > 0)
      this.#finding.noteEffects(
        reads.get(name) ?? Effect.none,
        `reads ${name}; what is behind it, such as a function of a view, may write`,
      );
    if (relations === undefined || relations.has(name)) return;
    this.#finding.noteUnknown('reads a relation that the catalog does not know');
  }

  useOperator(name: string): void {
    const effects = this.#catalog.operators.get(name === '!=' ? '<>' : name);
    if (effects === undefined) this.#finding.noteUnknown('uses an operator that the catalog does not know');
    else this.#finding.noteEffects(effects, 'uses an operator whose function is not harmless');
  }

  /** @param isConstruct the grammar knows it, so there may be no function of that name */
  call(name: string, isConstruct: boolean): void {
    const known = this.#catalog.functions.get(name);
    const byName = name.startsWith('pg_') ? effectsOfName(name) : Effect.none;
    if (known === undefined && byName === Effect.none) {
      if (!isConstruct) this.#finding.noteUnknown(`calls ${name}(), which the catalog does not know`);
      return;
    }
    const effects = (known ?? Effect.none) | byName;
    // The last argument of set_config decides what it leaves; see `setConfig`.
    const now = name === 'set_config' ? effects & ~Effect.changesConnection : effects;
    this.#finding.noteEffects(now, `calls ${name}()`);
  }

  /** Notes the end of a `set_config` call. `isLocal`: the setting ends with the transaction (manual, 9.28.1). */
  setConfig(isLocal: boolean): void {
    this.#finding.noteEffects(
      isLocal ? Effect.usesConnection : Effect.changesConnection,
      'calls set_config()',
    );
  }
}
