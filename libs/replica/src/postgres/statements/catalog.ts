import { Effect, type Effects } from '../../execution/statements/effects.js';
import type { Reach } from '../../execution/statements/rests-on.js';
import { EVERYDAY, FIXED_EFFECTS, HARMLESS_VOLATILE } from './effects.js';

/**
 * What the system catalogs say about the names that decide whether a text is a read. Immutable. Names are folded as in the catalogs and
 * have no schema; objects with the same name share their effects.
 */
export interface Catalog {
  /** Every function that a query or CALL can name. A missing name is not known to exist. */
  readonly functions: ReadonlyMap<string, Effects>;
  readonly operators: ReadonlyMap<string, Effects>;
  /**
   * What any text may use without naming it, with its effects: a cast that the server inserts, or the operator behind IN, LIKE,
   * DISTINCT or ORDER BY. The keys are descriptions for people. While one of them is not harmless, no text is a read.
   */
  readonly anywhere: ReadonlyMap<string, Effects>;
  /** Functions with an effect that `x.name` calls if x is a row without such a column (manual, 8.16.5). */
  readonly attributes: ReadonlyMap<string, Effects>;
  /** Relations that have an effect when a text reads them. */
  readonly reads: ReadonlyMap<string, Effects>;
  /** Types that have an effect when a text uses them. A text can only do so by name. */
  readonly mentions: ReadonlyMap<string, Effects>;
  /** Tables whose row type has an effect when a text converts something to it. */
  readonly casts: ReadonlyMap<string, Effects>;
  /** Every relation that FROM can name; `undefined`: unknown, so FROM may contain any name. */
  readonly relations: ReadonlySet<string> | undefined;
  /**
   * The relations behind each relation: what its view or row-level security policies read, its parents and its children; see
   * `Statement.restsOn`. Values are qualified. Keys are both the qualified name and, for all schemas together, the plain name
   * (`formatTableName`).
   */
  readonly restsOn: ReadonlyMap<string, readonly string[]>;
  /** What a write changes besides the table that it names. */
  readonly reach: Reach;
  readonly revision: string;
  /** `standard_conforming_strings` is on, so a backslash in '...' is an ordinary character (manual, 4.1.2.1). */
  readonly plainBackslashes: boolean;
}

const OPERATORS =
  '!! !~ !~* !~~ !~~* # ## #- #> #>> % & && &< &<| &> * + - -> ->> -|- / < <-> << <<= <<| <= <> <@ = > >= >> >>= ? ?# ?& ?- ?-| ?| ?|| @ @-@ @> @? @@ @@@ ^ ^@ | |&> |/ |>> || ||/ ~ ~* ~<=~ ~<~ ~= ~>=~ ~>~ ~~ ~~*';

function harmless(names: readonly string[]): [string, Effects][] {
  return names.map((name) => [name, Effect.none]);
}

/** The catalog until the database's own is loaded: everyday built-in functions and operators, and no objects of the user. */
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
  reach: new Map(),
  revision: 'built-in',
  plainBackslashes: false,
});

/** Describes, for people, what prevents every text from being a read. Empty in an ordinary database. */
export function suspectsOf({ anywhere }: Catalog): readonly string[] {
  return [...anywhere].filter(([, effects]) => (effects & ~Effect.readsTables) !== 0).map(([what]) => what);
}
