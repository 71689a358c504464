import { foldName, hasUpperCase } from './characters.js';
import { Token, type TokenType } from './tokenizer.js';

/** How a keyword affects the reader of a query. */
export const Role = {
  none: 0,
  select: 1,
  /** FROM, where it begins a list of relations */
  from: 2,
  join: 3,
  /** words around a join and before a relation: LEFT, CROSS, LATERAL, ONLY ... */
  joinWord: 4,
  with: 5,
  as: 6,
  on: 7,
  using: 8,
  tablesample: 9,
  /** ends the list of relations: WHERE, GROUP, ORDER, LIMIT ... */
  clause: 10,
  /** UNION, INTERSECT, EXCEPT */
  setOperation: 11,
  /** ALL, DISTINCT */
  quantifier: 12,
  into: 13,
  for: 14,
  /** INSERT, UPDATE, DELETE, MERGE */
  change: 15,
  table: 16,
  /** GROUP, a clause in which ROLLUP and CUBE are no functions */
  group: 17,
} as const;

export interface Keyword {
  readonly word: string;
  readonly role: number;
  /** Whether it is a construct of the grammar if a parenthesis follows: always, never, or only after one of these marks. */
  readonly constructAfter: boolean | ReadonlySet<string>;
}

const WORDS_BY_ROLE: readonly (readonly [number, string])[] = [
  [Role.select, 'select'],
  [Role.from, 'from'],
  [Role.join, 'join'],
  [Role.joinWord, 'natural inner left right full cross outer lateral only'],
  [Role.with, 'with'],
  [Role.as, 'as'],
  [Role.on, 'on'],
  [Role.using, 'using'],
  [Role.tablesample, 'tablesample'],
  [Role.clause, 'where having order window limit offset fetch'],
  [Role.group, 'group'],
  [Role.setOperation, 'union intersect except'],
  [Role.quantifier, 'all distinct'],
  [Role.into, 'into'],
  [Role.for, 'for'],
  [Role.change, 'insert update delete merge'],
  [Role.table, 'table'],
];

const ROLES: ReadonlyMap<string, number> = new Map(
  WORDS_BY_ROLE.flatMap(([role, words]) => words.split(' ').map((word) => [word, role])),
);

/**
 * Keywords that may precede a parenthesis but cannot name a function without quotes: the reserved ones, and those marked "(cannot be
 * function or type)" in the manual's appendix C. The content of the parenthesis is read like anything else.
 */
const CONSTRUCTS = `
  all and any array as asc both case cast check collate current_time current_timestamp desc distinct else except fetch for
  from group having in intersect into lateral leading limit localtime localtimestamp not offset on only or order placing
  returning select some symmetric asymmetric table then to trailing union unique using variadic when where window with
  between bigint bit boolean char character coalesce dec decimal exists extract float greatest grouping int integer interval
  json json_array json_arrayagg json_exists json_object json_objectagg json_query json_scalar json_serialize json_table
  json_value least national nchar normalize nullif numeric overlay position precision real row setof smallint substring time
  timestamp treat trim values varchar xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi
  xmlroot xmlserialize xmltable
`;

/** Marks stand for tokens that are not keywords. The mark or keyword before a token determines its meaning. */
export const MARKS: ReadonlyMap<TokenType, string> = new Map<TokenType, string>([
  [Token.string, "'"],
  [Token.number, '1'],
  [Token.parameter, '$'],
  [Token.operator, '+'],
  [Token.cast, '::'],
]);

/** Marks that can be the left operand of an operator. */
const OPERANDS =
  "name ) ] call ' 1 $ true not within current_time current_timestamp localtime localtimestamp".split(' ');

/** Keywords that are constructs only after these marks, such as `over` after a call. Elsewhere they may name functions. */
const CONSTRUCTS_AFTER: Readonly<Record<string, readonly string[]>> = {
  over: ['call'],
  filter: ['call'],
  repeatable: ['call'],
  materialized: ['as', 'not'],
  by: ['group', 'order', 'partition'],
  sets: ['grouping'],
  rollup: ['by', ',', '('],
  cube: ['by', ',', '('],
  varying: ['character', 'char', 'bit', 'nchar'],
  zone: ['time'],
  first: ['fetch'],
  next: ['fetch'],
  columns: ["'"],
  like: OPERANDS,
  ilike: OPERANDS,
  overlaps: OPERANDS,
  operator: [...OPERANDS, 'using'],
  join: [...OPERANDS, 'natural', 'inner', 'left', 'right', 'full', 'cross', 'outer'],
};

/** Words that matter only for the tokens around them. */
const OTHERS =
  'recursive ordinality rows no key share is partition temp temporary true escape value passing default path document content within collation';

function index(): ReadonlyMap<string, Keyword> {
  const constructs = new Set(CONSTRUCTS.trim().split(/\s+/));
  const words = [...constructs, ...ROLES.keys(), ...Object.keys(CONSTRUCTS_AFTER), ...OTHERS.split(' ')];
  const keywords = new Map<string, Keyword>();
  for (const word of words) {
    const neighbours = CONSTRUCTS_AFTER[word];
    const constructAfter = neighbours === undefined ? constructs.has(word) : new Set(neighbours);
    const keyword = { word, role: ROLES.get(word) ?? Role.none, constructAfter };
    keywords.set(word, keyword);
    keywords.set(word.toUpperCase(), keyword);
  }
  return keywords;
}

const KEYWORDS = index();

/** Constructs that can have FILTER or OVER after them, as calls can. */
const LIKE_CALLS: ReadonlySet<string> = new Set(['group', 'filter', 'json_arrayagg', 'json_objectagg']);

/** Join words that are functions if a parenthesis follows, such as `left('abc', 1)`. */
export const JOIN_FUNCTIONS: ReadonlySet<string> = new Set(
  [...ROLES.keys()].filter(
    (word) => ROLES.get(word) === Role.joinWord && word !== 'lateral' && word !== 'only',
  ),
);

/** Whether the keyword belongs to an expression here and begins no clause: WITHIN GROUP, COLLATION FOR. */
export function isOfExpression(keyword: Keyword, before: string): boolean {
  return (
    (keyword.word === 'group' && before === 'within') || (keyword.word === 'for' && before === 'collation')
  );
}

/** Keywords that may be a column's name before its type, as in `COLUMNS (value mood)`. */
const COLUMN_NAMES: ReadonlySet<string> = new Set(
  'name value key path document content rows first next columns sets cube rollup zone filter over operator share no materialized repeatable partition temp temporary recursive ordinality within passing varying'.split(
    ' ',
  ),
);

/** Whether a column's type may follow this keyword or mark, unless that is an alias. */
export function mayNameColumn(before: string): boolean {
  return COLUMN_NAMES.has(before);
}

export interface Place {
  readonly before: string;
  readonly inWithList: boolean;
  readonly inGroupBy: boolean;
}

/** Whether a keyword before a parenthesis is a construct of the grammar rather than a call. */
export function isConstruct(keyword: Keyword, place: Place): boolean {
  if (typeof keyword.constructAfter === 'boolean') return keyword.constructAfter;
  if (!keyword.constructAfter.has(place.before)) return false;
  if (keyword.word === 'materialized') return place.inWithList;
  return keyword.word === 'rollup' || keyword.word === 'cube' ? place.inGroupBy : true;
}

export function isLikeCall(construct: string): boolean {
  return LIKE_CALLS.has(construct);
}

/** No keyword of the grammar is longer. */
const MAX_LETTERS = 20;

/** Folds a word that may be a keyword. Gives an empty text if the word is too long. */
export function foldWord(word: string): string {
  return word.length > MAX_LETTERS ? '' : foldName(word);
}

/** The keyword for an unquoted word; `undefined` for any other name. */
export function keywordOf(word: string): Keyword | undefined {
  if (word.length > MAX_LETTERS) return undefined;
  const found = KEYWORDS.get(word);
  if (found !== undefined || !hasUpperCase(word)) return found;
  return KEYWORDS.get(foldName(word));
}
