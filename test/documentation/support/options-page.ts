import { readFileSync } from 'node:fs';
import ts from 'typescript';
import type { Option, OptionTable } from '../../../libs/replica/src/options/option.js';
import { NODE, ROUTING } from '../../../libs/replica/src/options/option-table.js';

const TYPES = 'libs/replica/src/options/replica-options.ts';

export const PAGE = 'docs/options.md';

/** One option: what its table says, and the comment at its type. */
export interface DocumentedOption {
  /** `session.ttlMs` */
  readonly path: string;
  readonly option: Option<unknown>;
  readonly comment: string;
}

interface Property {
  readonly comment: string;
  /** The types of this file that its own type names. */
  readonly types: readonly string[];
}

type Properties = ReadonlyMap<string, Property>;

function commentOf(node: ts.Node): string {
  const [comment] = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
  return (ts.getTextOfJSDocComment(comment?.comment) ?? '').replaceAll(/\s+/g, ' ').trim();
}

function namesIn(node: ts.Node | undefined): string[] {
  if (node === undefined) return [];
  const own = ts.isTypeReferenceNode(node) ? [node.typeName.getText()] : [];
  return [...own, ...node.getChildren().flatMap(namesIn)];
}

/** Properties of an interface with those that it inherits, or of an intersection of types. */
function propertiesOf(node: ts.Node, known: ReadonlyMap<string, Properties>): [string, Property][] {
  if (ts.isPropertySignature(node))
    return [[node.name.getText(), { comment: commentOf(node), types: namesIn(node.type) }]];
  if (ts.isExpressionWithTypeArguments(node)) return [...(known.get(node.expression.getText()) ?? [])];
  return node.getChildren().flatMap((child) => propertiesOf(child, known));
}

function readTypes(): ReadonlyMap<string, Properties> {
  const source = ts.createSourceFile(TYPES, readFileSync(TYPES, 'utf8'), ts.ScriptTarget.Latest, true);
  const types = new Map<string, Properties>();
  for (const statement of source.statements) {
    if (ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement))
      types.set(statement.name.text, new Map(propertiesOf(statement, types)));
  }
  return types;
}

const types = readTypes();

/** The options of a table; those that have no comment here are TypeORM's. `depth`: how far to go into groups. */
function documented(table: OptionTable, type: string, depth: number, prefix = ''): DocumentedOption[] {
  return Object.entries(table).flatMap(([key, option]) => {
    const property = types.get(type)?.get(key);
    if (property === undefined) return [];
    const path = `${prefix}${key}`;
    const inner = property.types.find((name) => types.get(name)?.size);
    const { options } = option;
    const isOpen = depth > 0 && options !== undefined && inner !== undefined;
    return [
      { path, option, comment: property.comment },
      ...(isOpen ? documented(options, inner, depth - 1, `${path}.`) : []),
    ];
  });
}

export const OPTIONS = documented(ROUTING, 'RoutingOptions', 1);
export const NODE_OPTIONS = documented(NODE, 'NodeOptions', 0);

function shown(value: unknown): string | undefined {
  if (typeof value === 'number') return value.toLocaleString('en-US');
  if (typeof value === 'string') return `\`'${value}'\``;
  return typeof value === 'boolean' ? `\`${value}\`` : undefined;
}

const defaultOf = (option: Option<unknown>): string | undefined => option.derived ?? shown(option.default);

function rangeOf({ type, min }: Option<unknown>): string | undefined {
  if (type === 'number from 0 to 1') return 'from 0 to 1';
  return min === undefined ? undefined : `from ${shown(min)}`;
}

/** How the comment of an option ends: `Milliseconds, from 1; default 10,000.` */
export function factsOf(option: Option<unknown>): string {
  const range = rangeOf(option);
  const byDefault = defaultOf(option);
  const facts = [
    ...(range === undefined ? [] : [option.type === 'milliseconds' ? `milliseconds, ${range}` : range]),
    ...(byDefault === undefined ? [] : [`default ${byDefault}`]),
  ].join('; ');
  return facts === '' ? '' : `${facts[0]?.toUpperCase()}${facts.slice(1)}.`;
}

function rowOf({ path, option, comment }: DocumentedOption): string {
  const { min, type } = option;
  const values = min === undefined ? type : `${type.replace('milliseconds', 'ms')}, from ${shown(min)}`;
  const meaning = comment.slice(0, comment.length - factsOf(option).length).trim();
  return `| \`${path}\` | ${values} | ${defaultOf(option) ?? '–'} | ${meaning} |`;
}

/** Puts the tables of the options into the page, each between its own marks. */
export function withTables(page: string): string {
  return Object.entries({ options: OPTIONS, node: NODE_OPTIONS }).reduce((text, [name, options]) => {
    const [begin, end] = [`<!-- ${name}: written by npm run docs:options -->`, `<!-- end of ${name} -->`];
    const [before, rest] = text.split(begin, 2);
    const after = rest?.split(end, 2)[1];
    if (before === undefined || after === undefined) throw new Error(`${PAGE} needs ${begin} and ${end}`);
    const rows = [
      '| option | type | default | meaning |',
      '| --- | --- | --- | --- |',
      ...options.map(rowOf),
    ];
    return `${before}${begin}\n\n${rows.join('\n')}\n\n${end}${after}`;
  }, page);
}
