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

/** What `sequence.name` takes from a sequence with `sql_mode` ORACLE, also in quotes. */
const SEQUENCE_VALUE = /^(?:next|curr)val$/i;

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
    else
      this.#finding.noteEffects(
        effects,
        `reads ${table}; what is behind it, such as a function of a view, may write`,
      );
  }

  /** Notes that the statement may read the table or view of this name, if there is one. */
  mayUseRelation(tableName: TableName): void {
    const table = formatTableName(tableName);
    const effects = this.#catalog.relations?.get(table);
    if (effects === undefined) return;
    this.#finding.noteEffects(
      effects,
      `may read ${table}; what is behind it, such as a function of a view, may write`,
    );
    this.#finding.noteEffects(Effect.readsTables, '');
  }

  /** Notes a name behind a dot. */
  useMember(name: string): void {
    if (SEQUENCE_VALUE.test(name)) this.#finding.noteEffects(Effect.knownWrite, 'uses a sequence');
  }

  /**
   * Notes a name before a parenthesis. A stored function may have the name of a built-in one. Which of them is meant depends on the
   * version, on quotes, and even on a blank before the parenthesis (`sql_mode` IGNORE_SPACE). So the call may have the effects of both.
   */
  call(last: LastName): void {
    if (last.depth > 1) return this.#finding.noteUnknown('calls a function of a package');
    const { schema, name } = last.qualifiedName();
    const word = foldWord(name);
    const native = schema === undefined ? NATIVE_FUNCTIONS.get(word) : undefined;
    const stored = this.#catalog.functions.get(
      formatTableName({ schema: schema?.toLowerCase(), name: name.toLowerCase() }),
    );
    const isPlain = schema === undefined && !last.isQuoted;
    if (native !== undefined) this.#finding.noteEffects(native, `calls ${word}()`);
    if (stored !== undefined) this.#finding.noteEffects(stored, `calls ${name}()`);
    else if (!isPlain || (native === undefined && !NOT_CALLS.has(word)))
      this.#finding.noteUnknown(`calls ${name}(), which the catalog does not know`);
  }
}
