import { parseSync } from 'libpg-query';

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

type Tree = Readonly<Record<string, unknown>>;

function readStatement(statement: Tree, oracle: Oracle, objections: string[]): void {
  const [kind = ''] = Object.keys(statement);
  if (kind === 'VariableShowStmt') return;
  if (kind === 'ExplainStmt') readStatement((statement[kind] as { query: Tree }).query, oracle, objections);
  else if (kind === 'SelectStmt') readTree(statement, oracle, objections);
  else objections.push(kind);
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
