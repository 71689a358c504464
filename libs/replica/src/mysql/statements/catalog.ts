import type { Effects } from '../../execution/statements/effects.js';

/**
 * What the information schema says about the names that decide whether a text is a read. Immutable. Names are those of `formatTableName`:
 * qualified ones, and plain ones that stand for all databases of the application together.
 */
export interface Catalog {
  /** Stored functions, in lower case. A missing name is not known to exist. */
  readonly functions: ReadonlyMap<string, Effects>;
  /** Every table and view; `undefined`: unknown, so FROM may contain any name. */
  readonly relations: ReadonlyMap<string, Effects> | undefined;
  /** The relations behind each view, qualified; see `Statement.restsOn`. */
  readonly restsOn: ReadonlyMap<string, readonly string[]>;
  /** Names of tables and databases are compared without regard to case (`lower_case_table_names`). They are in lower case here. */
  readonly foldsTables: boolean;
  /** Equal for two catalogs that say the same. */
  readonly revision: string;
}

/** The catalog until the database's own is loaded: built-in functions, and no objects of the user. */
export const BUILT_IN_CATALOG: Catalog = Object.freeze({
  functions: new Map(),
  relations: undefined,
  restsOn: new Map(),
  foldsTables: false,
  revision: 'built-in',
});
