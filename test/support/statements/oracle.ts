import { parseSync } from 'libpg-query';
import { formatTableName } from '../../../libs/replica/src/routing/table-name.js';

/** Functions that the grammar puts in for its constructs (EXTRACT, LIKE ... ESCAPE, AT TIME ZONE ...), all harmless. */
const OF_THE_GRAMMAR = new Set(
  'extract overlay position substring btrim ltrim rtrim normalize is_normalized timezone like_escape similar_to_escape xmlexists pg_collation_for overlaps system_user like'.split(
    ' ',
  ),
);

export interface Oracle {
  readonly isHarmlessFunction: (name: string) => boolean;
  readonly isHarmlessOperator: (name: string) => boolean;
}

/**
 * What makes the text more than one query that reads, by its parse tree; empty for a read, `undefined` for a syntax error.
 * Nothing of the classifier is used, except which names are harmless.
 */
export function objectionsTo(text: string, oracle: Oracle): readonly string[] | undefined {
  let statements: readonly unknown[];
  try {
    statements = (parseSync(text) as { stmts?: readonly unknown[] }).stmts ?? [];
  } catch {
    return undefined;
  }
  if (statements.length !== 1) return ['several statements'];
  const objections: string[] = [];
  readStatement((statements[0] as { stmt: Tree }).stmt, oracle, objections);
  return objections;
}

/**
 * The relations that a text of one query names, by its parse tree: all of FROM, JOIN and TABLE, without the names that WITH
 * gives where those can be seen. `undefined` for a syntax error.
 */
export function tablesOf(text: string): readonly string[] | undefined {
  let tree: unknown;
  try {
    tree = parseSync(text);
  } catch {
    return undefined;
  }
  const tables = new Set<string>();
  findTables(tree, new Set(), tables);
  return [...tables].toSorted();
}

type Tree = Readonly<Record<string, unknown>>;

interface WithClause {
  readonly recursive?: boolean;
  readonly ctes: readonly { CommonTableExpr: { ctename: string; ctequery: Tree } }[];
}

function findTables(tree: unknown, given: ReadonlySet<string>, tables: Set<string>): void {
  if (typeof tree !== 'object' || tree === null) return;
  for (const [key, child] of Object.entries(tree)) {
    if (key === 'SelectStmt') findTablesOfSelect(child as Tree, given, tables);
    else if (key === 'RangeVar' || isCopied(key, child)) addTable(child as RangeVar, given, tables);
    else findTables(child, given, tables);
  }
}

/** The table of COPY is the one relation that is not called a RangeVar. */
function isCopied(key: string, child: unknown): boolean {
  return key === 'relation' && typeof child === 'object' && child !== null && 'relname' in child;
}

function findTablesOfSelect(select: Tree, outer: ReadonlySet<string>, tables: Set<string>): void {
  const { withClause, larg, rarg, ...others } = select;
  const given = withClause === undefined ? outer : givenBy(withClause as WithClause, outer, tables);
  for (const arm of [larg, rarg]) if (arm !== undefined) findTablesOfSelect(arm as Tree, given, tables);
  findTables(others, given, tables);
}

/** The names that can be seen with those of the list; what its queries read is found on the way. */
function givenBy(
  { ctes, recursive = false }: WithClause,
  outer: ReadonlySet<string>,
  tables: Set<string>,
): ReadonlySet<string> {
  const all = ctes.map(({ CommonTableExpr }) => CommonTableExpr);
  const given = new Set([...outer, ...(recursive ? all.map(({ ctename }) => ctename) : [])]);
  for (const { ctename, ctequery } of all) {
    findTables(ctequery, given, tables);
    given.add(ctename);
  }
  return given;
}

interface RangeVar {
  readonly schemaname?: string;
  readonly relname: string;
}

function addTable(
  { schemaname: schema, relname: name }: RangeVar,
  given: ReadonlySet<string>,
  tables: Set<string>,
): void {
  if (schema !== undefined || !given.has(name)) tables.add(formatTableName({ schema, name }));
}

function readStatement(statement: Tree, oracle: Oracle, objections: string[]): void {
  const [kind = ''] = Object.keys(statement);
  if (kind === 'VariableShowStmt') return;
  if (kind === 'CopyStmt') return readCopy(statement[kind] as Tree, oracle, objections);
  if (kind === 'ExplainStmt') readStatement((statement[kind] as { query: Tree }).query, oracle, objections);
  else if (kind === 'SelectStmt') readTree(statement, oracle, objections);
  else objections.push(kind);
}

function readCopy(copy: Tree, oracle: Oracle, objections: string[]): void {
  if (copy.is_from === true || copy.filename !== undefined || copy.is_program === true)
    objections.push('CopyStmt');
  else if (copy.query !== undefined) readStatement(copy.query as Tree, oracle, objections);
}

const CHANGES = new Set([
  'InsertStmt',
  'UpdateStmt',
  'DeleteStmt',
  'MergeStmt',
  'LockingClause',
  'IntoClause',
  'intoClause',
]);

function readTree(tree: unknown, oracle: Oracle, objections: string[]): void {
  if (typeof tree !== 'object' || tree === null) return;
  for (const [key, child] of Object.entries(tree)) {
    if (CHANGES.has(key)) objections.push(key);
    if (key === 'FuncCall') readCall(child as Tree, oracle, objections);
    if (key === 'A_Expr') readOperator(child as Tree, oracle, objections);
    if (key === 'RangeVar' && String((child as Tree).schemaname).startsWith('pg_temp'))
      objections.push('pg_temp');
    readTree(child, oracle, objections);
  }
}

function lastOf(names: unknown): string {
  const last = (names as readonly { String: { sval: string } }[]).at(-1);
  return last?.String.sval ?? '';
}

function readCall(call: Tree, oracle: Oracle, objections: string[]): void {
  const name = lastOf(call.funcname);
  if (!OF_THE_GRAMMAR.has(name) && !oracle.isHarmlessFunction(name)) objections.push(`${name}()`);
}

function readOperator(expression: Tree, oracle: Oracle, objections: string[]): void {
  const name = lastOf(expression.name);
  if (expression.kind === 'AEXPR_OP' && !oracle.isHarmlessOperator(name)) objections.push(`operator ${name}`);
}
