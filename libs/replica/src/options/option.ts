import type { DatabaseFamily } from './database-type.js';
import { describe, type OptionProblems } from './option-problems.js';

/** Adds what is wrong with a value to the problems. Nothing is wrong with `undefined`, unless the option is required. */
type Check = (problems: OptionProblems, path: string, value: unknown) => void;

/** What a table says of an option beside its kind. */
export interface Rule<T> {
  /** The value if none is given. */
  readonly default?: T;
  /** The same in words, if it is not a constant. */
  readonly derived?: string;
  /** The only databases that have the option. */
  readonly only?: DatabaseFamily;
}

/** What a table says of a number. */
export interface NumberRule extends Rule<number> {
  readonly min: number;
  /** What to give, if the option is required. */
  readonly required?: string;
}

/** One option of a table. */
export interface Option<T> extends Rule<T> {
  readonly check: Check;
  /** What kind of value it takes, in words. */
  readonly type: string;
  /** The least value of a number. */
  readonly min?: number;
  /** The options inside an object. */
  readonly options?: OptionTable;
}

/** Options by their key. */
export type OptionTable = Readonly<Record<string, Option<unknown>>>;

/** A table of exactly the options of `T`; with `satisfies` the compiler compares keys, kinds of values and defaults. */
export type TableOf<T> = { readonly [K in keyof Required<T>]: Option<Required<T>[K]> };

/** The defaults of a table; options without one are absent. */
export type DefaultsOf<Table> = {
  readonly [
    K in keyof Table as Table[K] extends { readonly default: unknown } ? K : never
  ]: Table[K] extends { readonly default: infer T } ? T : never;
};

export function defaultsOf<Table extends OptionTable>(table: Table): DefaultsOf<Table> {
  const entries = Object.entries(table).map(([key, option]) => [key, option.default]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined)) as DefaultsOf<Table>;
}

/** Checks a value that has to be an object of these options and no others; `false` if it is no object at all. */
export function checkObject(
  problems: OptionProblems,
  path: string,
  value: unknown,
  table: OptionTable,
): boolean {
  if (!problems.object(path, value, Object.keys(table))) return false;
  checkOptions(problems, path, value, table);
  return true;
}

/** Checks the options of a table. Whatever else the object has is left to others. */
export function checkOptions(
  problems: OptionProblems,
  path: string,
  value: Readonly<Record<string, unknown>>,
  table: OptionTable,
): void {
  for (const [key, { check, only }] of Object.entries(table)) {
    const pathOfKey = path === '' ? key : `${path}.${key}`;
    if (value[key] !== undefined && isOfOthers(only, problems.family))
      problems.add(pathOfKey, `is an option for ${only.name} only`);
    else check(problems, pathOfKey, value[key]);
  }
}

function isOfOthers(
  only: DatabaseFamily | undefined,
  family: DatabaseFamily | undefined,
): only is DatabaseFamily {
  return only !== undefined && family !== undefined && only !== family;
}

/** An option of a kind that nothing else has: `check` finds what is wrong with a value. */
export function checked<T, R extends Rule<T> = Rule<T>>(
  type: string,
  check: Check,
  rule = {} as R,
): Option<T> & R {
  return { ...rule, type, check };
}

/** An option that is checked elsewhere, or by whoever takes it. */
export function unchecked<T>(type = 'text', rule: Rule<T> = {}): Option<T> {
  return checked(type, () => undefined, rule);
}

const kind =
  <T, Needed extends Rule<T> = Rule<T>>(type: string, checkBy: (rule: Needed) => Check) =>
  <R extends Needed>(rule: R): Option<T> & R => ({ ...rule, type, check: checkBy(rule) });

const checkNumber =
  ({ min }: NumberRule): Check =>
  (problems, path, value) =>
    problems.number(path, value, min);

/** A time in milliseconds, of at least `min`. */
export const duration = kind<number, NumberRule>('milliseconds', checkNumber);

/** A number of at least `min`. */
export const number = kind<number, NumberRule>('number', checkNumber);

/** A whole number of at least `min`. */
export const whole = kind<number, NumberRule>(
  'whole number',
  ({ min, required }) =>
    (problems, path, value) => {
      if (value === undefined && required !== undefined) problems.add(path, `is missing: ${required}`);
      problems.whole(path, value, min);
    },
);

/** `true` or `false`. */
export const flag = kind<boolean>('`true` or `false`', () => (problems, path, value) => {
  problems.boolean(path, value);
});

/** Any text but the empty one. */
export const text = kind<string>('text', () => (problems, path, value) => problems.text(path, value));

/** A text that may be shown: it has only letters, digits and harmless signs. */
export const label = kind<string>('text', () => (problems, path, value) => problems.label(path, value));

/** One of some texts, or what `other` allows: a function or an object. */
export function oneOf<const T extends string, Other = never>(
  allowed: readonly T[],
  rule: { readonly default: T },
  other?: Option<Other>,
): Option<T | Other> & { readonly default: T } {
  const types = [...allowed.map((one) => `\`'${one}'\``), ...(other === undefined ? [] : [other.type])];
  const check: Check = (problems, path, value) => {
    if (typeof value === other?.type && value !== null) other?.check(problems, path, value);
    else problems.oneOf(path, value, allowed);
  };
  return { ...rule, options: other?.options, type: types.join(', '), check };
}

/** A function; `example` is what an error shows. */
export function callback<Callback>(example: string): Option<Callback> {
  return checked('function', (problems, path, value) => problems.function(path, value, example));
}

/** An object with methods; `needs` says of them, in an error, what the value must be or have. */
export function objectWith<T>(methods: readonly (keyof T)[], needs: string, derived?: string): Option<T> {
  const check: Check = (problems, path, value) => {
    const found = Object(value) as Readonly<Record<keyof T, unknown>>;
    if (value !== undefined && methods.some((name) => typeof found[name] !== 'function'))
      problems.add(path, `must ${needs}, not be ${describe(value)}`);
  };
  return checked('object', check, { derived });
}

/** An object of further options. */
export function group<T extends object>(table: TableOf<T>): Option<T> {
  const options = table as OptionTable;
  const check: Check = (problems, path, value) => {
    if (value !== undefined) checkObject(problems, path, value, options);
  };
  return { type: 'object', options, check };
}
