/** What a keyword means for the reader of queries. */
export const Role = {
  select: 1,
  with: 2,
  /** VALUES or TABLE, where a query may begin */
  values: 3,
  table: 4,
  from: 5,
  join: 6,
  /** a word around JOIN that cannot be an alias */
  joinWord: 7,
  on: 8,
  using: 9,
  /** ends the list of relations: WHERE, GROUP, ORDER, LIMIT ... */
  clause: 10,
  window: 11,
  setOperation: 12,
  /** ALL or DISTINCT */
  quantifier: 13,
  for: 14,
  lock: 15,
  into: 16,
  /** begins a statement that changes something */
  change: 17,
  /** SQL_CALC_FOUND_ROWS */
  countsRows: 18,
  /** USE, FORCE, IGNORE before the names of indexes, and PARTITION */
  hint: 19,
  /** calls a procedure on the rows: PROCEDURE ANALYSE() */
  procedure: 20,
  as: 21,
  recursive: 22,
  lateral: 23,
} as const;

/** Reserved words of MySQL and MariaDB, and a few others that are treated alike. */
const ROLES: Readonly<Record<string, number>> = {
  select: Role.select,
  with: Role.with,
  values: Role.values,
  table: Role.table,
  from: Role.from,
  join: Role.join,
  straight_join: Role.join,
  inner: Role.joinWord,
  cross: Role.joinWord,
  left: Role.joinWord,
  right: Role.joinWord,
  outer: Role.joinWord,
  natural: Role.joinWord,
  on: Role.on,
  using: Role.using,
  where: Role.clause,
  group: Role.clause,
  having: Role.clause,
  order: Role.clause,
  limit: Role.clause,
  fetch: Role.clause,
  window: Role.window,
  union: Role.setOperation,
  except: Role.setOperation,
  intersect: Role.setOperation,
  all: Role.quantifier,
  distinct: Role.quantifier,
  for: Role.for,
  lock: Role.lock,
  into: Role.into,
  update: Role.change,
  delete: Role.change,
  call: Role.change,
  set: Role.change,
  drop: Role.change,
  alter: Role.change,
  create: Role.change,
  load: Role.change,
  sql_calc_found_rows: Role.countsRows,
  use: Role.hint,
  force: Role.hint,
  ignore: Role.hint,
  partition: Role.hint,
  procedure: Role.procedure,
  as: Role.as,
  recursive: Role.recursive,
  lateral: Role.lateral,
};

/** What may stand behind UNION, apart from a parenthesis. */
export const BEGINS_QUERY: ReadonlySet<number | undefined> = new Set([
  Role.select,
  Role.with,
  Role.values,
  Role.table,
  Role.quantifier,
]);

/** Lets most words be found without folding them. */
function index(): ReadonlyMap<string, string> {
  const words = new Map<string, string>();
  for (const word of Object.keys(ROLES)) {
    words.set(word, word);
    words.set(word.toUpperCase(), word);
  }
  return words;
}

const WORDS = index();

/** No keyword and no built-in function has a longer name. */
const MAX_LETTERS = 40;

/** Letters beyond ASCII whose lower case is in it would make a keyword of a name. */
const ASCII = /^[\w$]*$/;

/** A word in lower case, as keywords and built-in functions are compared. Empty if it is neither: too long, or not in ASCII. */
export function foldWord(word: string): string {
  const known = WORDS.get(word);
  if (known !== undefined) return known;
  return word.length <= MAX_LETTERS && ASCII.test(word) ? word.toLowerCase() : '';
}

/** The role of a word in lower case; `undefined`: it is a name, or matters only for its neighbours. */
export function roleOf(word: string): number | undefined {
  return Object.hasOwn(ROLES, word) ? ROLES[word] : undefined;
}
