import { formatTableName, parseTableName, type TableName } from '../routing/table-name.js';
import type { Database } from '../execution/database.js';
import type { Statement } from '../execution/statements/statement.js';

/** Where a rule sends a read: `primary`, whichever node that is, or a node's name. */
export type RuledNode = string;

const PRIMARY: RuledNode = 'primary';

const NO_RULE = Symbol('no rule');

interface TableRule {
  /** Absent: the rule holds in every schema. */
  readonly schema?: string;
  readonly node: RuledNode;
}

/**
 * Decides by a statement's tables which node the statement asks for. A rule for `accounts` holds for that table in
 * any schema. A rule for `billing.accounts` holds for that table, and for `accounts` without a schema, which may be
 * the same table. A rule also holds for views over the table, for its parents and for its children.
 */
export class TableRules {
  /** By the name of the table, without the schema. */
  readonly #rules = new Map<string, TableRule[]>();
  readonly #database: Pick<Database, 'nameInCatalog'>;
  /** All runs of a text share one statement, so each statement is decided once. */
  readonly #decided = new WeakMap<Statement, RuledNode | typeof NO_RULE>();

  /**
   * @param tables the option `tables`; a key that is no table's name has no effect, and the check of the options
   * refuses it
   *
   * @param primaryOnly tables of entities that are `@PrimaryOnly()`
   */
  constructor(
    database: Pick<Database, 'nameInCatalog'>,
    tables: Readonly<Record<string, RuledNode>> = {},
    primaryOnly: Iterable<string> = [],
  ) {
    this.#database = database;
    for (const [table, node] of Object.entries(tables)) this.#add(table, node);
    for (const table of primaryOnly) this.#add(table, PRIMARY);
  }

  get isEmpty(): boolean {
    return this.#rules.size === 0;
  }

  /**
   * The node that the statement's tables ask for; `undefined` if no rule concerns them. The strictest rule wins:
   * `primary` goes before any other node. If the rules name two nodes, or if it is unknown what the statement reads,
   * the primary is asked for.
   */
  ruleFor(statement: Statement): RuledNode | undefined {
    if (this.isEmpty) return undefined;
    let node = this.#decided.get(statement);
    if (node === undefined) {
      node = this.#decide(statement) ?? NO_RULE;
      this.#decided.set(statement, node);
    }
    return node === NO_RULE ? undefined : node;
  }

  /** Tables with a rule that `isRelation` does not know by name: they do not exist yet, or are misspelt. */
  unknownTables(isRelation: (name: string) => boolean): string[] {
    return [...this.#rules].flatMap(([name, rules]) =>
      isRelation(name) ? [] : rules.map(({ schema }) => formatTableName({ schema, name })),
    );
  }

  #add(table: string, node: RuledNode): void {
    const parsed = parseTableName(table);
    if (parsed === undefined) return;
    const name = this.#database.nameInCatalog(parsed.name);
    const rules = this.#rules.get(name) ?? [];
    rules.push({
      schema: parsed.schema === undefined ? undefined : this.#database.nameInCatalog(parsed.schema),
      node,
    });
    this.#rules.set(name, rules);
  }

  #decide({ tables, restsOn = [] }: Statement): RuledNode | undefined {
    if (tables === undefined) return PRIMARY;
    const nodes = new Set([tables, ...restsOn].flat().flatMap((table) => this.#nodesFor(table)));
    const [first] = nodes;
    return nodes.size > 1 ? PRIMARY : first;
  }

  #nodesFor(table: string): readonly RuledNode[] {
    const parsed = parseTableName(table);
    if (parsed === undefined) return [PRIMARY];
    const rules = this.#rules.get(parsed.name) ?? [];
    return rules.filter((rule) => mayBeIn(rule, parsed)).map(({ node }) => node);
  }
}

function mayBeIn(rule: TableRule, table: TableName): boolean {
  return rule.schema === undefined || table.schema === undefined || rule.schema === table.schema;
}
