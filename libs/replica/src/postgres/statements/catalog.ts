import { EVERYDAY, FIXED_EFFECTS, HARMLESS_VOLATILE, Effect, type Effects } from './effects.js';

/**
 * What the database's system catalogs say about names, as far as it decides whether a text is a read. Immutable. Names are as
 * in the catalogs (folded), without a schema: when two objects share a name, their effects are joined.
 */
export interface Catalog {
  /** Every function that a query or CALL can name. A name that is absent is not known to exist. */
  readonly functions: ReadonlyMap<string, Effects>;
  /** Every operator. */
  readonly operators: ReadonlyMap<string, Effects>;
  /**
   * What any text may use without naming it, in words, with its effects: a cast that the server puts in by itself, or the
   * operator that IN, LIKE, DISTINCT or ORDER BY stand for. While there is something that is not harmless, no text is a read.
   */
  readonly anywhere: ReadonlyMap<string, Effects>;
  /** Functions with an effect that `x.name` calls when x is a row and has no such column (manual, 8.16.5). */
  readonly attributes: ReadonlyMap<string, Effects>;
  /** Relations that have an effect when they are read. */
  readonly reads: ReadonlyMap<string, Effects>;
  /** Types that have an effect when a text does anything with them; it has to name them for that. */
  readonly mentions: ReadonlyMap<string, Effects>;
  /** Tables whose row type has an effect when something is converted to it. */
  readonly casts: ReadonlyMap<string, Effects>;
  /** Every relation that FROM can name; `undefined`: not known, so any name may stand there. */
  readonly relations: ReadonlySet<string> | undefined;
  /**
   * What stands behind a relation, with schemas: what a view or a row security policy reads, parents and children; see
   * `Statement.restsOn`. By its name with its schema, and without one for all schemas together (`formatTableName`).
   */
  readonly restsOn: ReadonlyMap<string, readonly string[]>;
  /** Equal for two catalogs that say the same. */
  readonly revision: string;
  /** `standard_conforming_strings` is on, so a backslash in '...' is a backslash (manual, 4.1.2.1). */
  readonly plainBackslashes: boolean;
}

const OPERATORS =
  '!! !~ !~* !~~ !~~* # ## #- #> #>> % & && &< &<| &> * + - -> ->> -|- / < <-> << <<= <<| <= <> <@ = > >= >> >>= ? ?# ?& ?- ?-| ?| ?|| @ @-@ @> @? @@ @@@ ^ ^@ | |&> |/ |>> || ||/ ~ ~* ~<=~ ~<~ ~= ~>=~ ~>~ ~~ ~~*';

function harmless(names: readonly string[]): [string, Effects][] {
  return names.map((name) => [name, Effect.none]);
}

/** What holds before the catalogs were read: everyday built-in functions and operators, and nothing of the user's. */
export const BUILT_IN_CATALOG: Catalog = Object.freeze({
  functions: new Map([...harmless(EVERYDAY), ...harmless(HARMLESS_VOLATILE), ...FIXED_EFFECTS]),
  operators: new Map(harmless(OPERATORS.split(' '))),
  anywhere: new Map(),
  attributes: new Map(),
  reads: new Map(),
  mentions: new Map(),
  casts: new Map(),
  relations: undefined,
  restsOn: new Map(),
  revision: 'built-in',
  plainBackslashes: false,
});

/** What keeps every text from being a read, in words; empty in an ordinary database. */
export function suspectsOf({ anywhere }: Catalog): readonly string[] {
  return [...anywhere].filter(([, effects]) => (effects & ~Effect.readsTables) !== 0).map(([what]) => what);
}
