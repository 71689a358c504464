import { formatTableName, type TableName } from '../../routing/table-name.js';
import { Effect } from '../../execution/statements/effects.js';
import type { Finding } from '../../execution/statements/finding.js';
import type { Catalog } from './catalog.js';
import { NATIVE_FUNCTIONS, NOT_CALLS } from './functions.js';
import { foldWord } from './keywords.js';
import type { LastName } from './last-name.js';

/** Databases that describe one server. */
export const SYSTEM_SCHEMAS: ReadonlySet<string> = new Set([
  'information_schema',
  'mysql',
  'performance_schema',
  'sys',
]);

/** Notes the effects of the names in a statement, according to the catalog. */
export class NameEffects {
  readonly #catalog: Catalog;
  readonly #finding: Finding;

  constructor(catalog: Catalog, finding: Finding) {
    this.#catalog = catalog;
    this.#finding = finding;
  }

  /** The name of a table as the catalog has it. */
  tableName({ schema, name }: TableName): TableName {
    if (!this.#catalog.foldsTables) return { schema, name };
    return { schema: schema?.toLowerCase(), name: name.toLowerCase() };
  }

  /** Notes that the statement reads a table or view. */
  useRelation(tableName: TableName): void {
    const table = formatTableName(tableName);
    const { relations, restsOn } = this.#catalog;
    this.#finding.noteTable(table, restsOn.get(table));
    if (SYSTEM_SCHEMAS.has(tableName.schema?.toLowerCase() ?? ''))
      return this.#finding.noteEffects(Effect.primaryOnly, 'reads a database of the server');
    const effects = relations === undefined ? Effect.none : relations.get(table);
    if (effects === undefined) this.#finding.noteUnknown('reads a table that the catalog does not know');
    else this.#finding.noteEffects(effects, 'reads a table or view that only the primary may');
  }

  /** Notes a name before a parenthesis. */
  call(last: LastName): void {
    if (last.depth > 1) return this.#finding.noteUnknown('calls a function of a package');
    const { schema, name } = last.qualifiedName();
    const isPlain = schema === undefined && !last.isQuoted;
    const word = foldWord(name);
    const native = isPlain ? NATIVE_FUNCTIONS.get(word) : undefined;
    if (native !== undefined) return this.#finding.noteEffects(native, `calls ${word}()`);
    const stored = this.#catalog.functions.get(
      formatTableName({ schema: schema?.toLowerCase(), name: name.toLowerCase() }),
    );
    if (stored !== undefined) return this.#finding.noteEffects(stored, `calls ${name}()`);
    if (isPlain && NOT_CALLS.has(word)) return;
    // In quotes, some built-in functions mean themselves, and others a stored function.
    if (schema === undefined)
      this.#finding.noteEffects(NATIVE_FUNCTIONS.get(word) ?? Effect.none, `calls ${name}()`);
    this.#finding.noteUnknown(`calls ${name}(), which the catalog does not know`);
  }
}
