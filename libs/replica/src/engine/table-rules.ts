import { formatTableName, parseTableName, type TableName } from '../routing/table-name.js';
import { nameInCatalog, type Statement } from './postgres.js';

/** Where a rule sends a read: `primary`, whichever node that is, or a node's name. */
export type RuledNode = string;

const PRIMARY: RuledNode = 'primary';

interface TableRule {
  /** Absent: the rule holds in every schema. */
  readonly schema?: string;
  readonly node: RuledNode;
}

/**
 * Which node the tables of a statement ask for. A rule on `accounts` holds for that table in any schema; one on
 * `billing.accounts` for that, and for a statement's `accounts` without a schema, which may be the same. It holds as well
 * for views over the table, for its parents and its children.
 */
export class TableRules {
  /** By the name of the table, without the schema. */
  readonly #rules = new Map<string, TableRule[]>();
  /** Statements are shared by all runs of a text, so each is looked at once. */
  readonly #decided = new WeakMap<Statement, RuledNode | typeof NO_RULE>();

  /**
   * `tables`: the option. `primaryOnly`: tables of entities that are `@PrimaryOnly()`. A key that is no name holds for nothing: the
   * check of the options refuses it before.
   */
  constructor(tables: Readonly<Record<string, RuledNode>> = {}, primaryOnly: Iterable<string> = []) {
    for (const [table, node] of Object.entries(tables)) this.#add(table, node);
    for (const table of primaryOnly) this.#add(table, PRIMARY);
  }

  /** There is no rule at all. */
  get isEmpty(): boolean {
    return this.#rules.size === 0;
  }

  /**
   * The node that the statement's tables ask for, `undefined` where no rule concerns them. The strictest holds: `primary`
   * before any other, and `primary` as well where two nodes are asked for or where it is not known what the statement reads.
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

  /** The tables with a rule that `isRelation` does not know by name: not made yet, or written otherwise. */
  unknownTables(isRelation: (name: string) => boolean): string[] {
    return [...this.#rules].flatMap(([name, rules]) =>
      isRelation(name) ? [] : rules.map(({ schema }) => formatTableName({ schema, name })),
    );
  }

  #add(table: string, node: RuledNode): void {
    const parsed = parseTableName(table);
    if (parsed === undefined) return;
    const name = nameInCatalog(parsed.name);
    const rules = this.#rules.get(name) ?? [];
    rules.push({ schema: parsed.schema === undefined ? undefined : nameInCatalog(parsed.schema), node });
    this.#rules.set(name, rules);
  }

  #decide({ tables, restsOn = [] }: Statement): RuledNode | undefined {
    if (tables === undefined) return PRIMARY;
    let strictest: RuledNode | undefined;
    for (const list of [tables, ...restsOn]) {
      for (const table of list) {
        const node = this.#ofTable(table);
        if (node !== undefined) strictest = strictest === undefined ? node : stricter(strictest, node);
        if (strictest === PRIMARY) return PRIMARY;
      }
    }
    return strictest;
  }

  #ofTable(table: string): RuledNode | undefined {
    const parsed = parseTableName(table);
    if (parsed === undefined) return PRIMARY;
    return this.#rules
      .get(parsed.name)
      ?.filter((rule) => mayBeIn(rule, parsed))
      .map(({ node }) => node)
      .reduce<RuledNode | undefined>(
        (one, other) => (one === undefined ? other : stricter(one, other)),
        undefined,
      );
  }
}

const NO_RULE = Symbol('no rule');

function mayBeIn(rule: TableRule, table: TableName): boolean {
  return rule.schema === undefined || table.schema === undefined || rule.schema === table.schema;
}

function stricter(one: RuledNode, other: RuledNode): RuledNode {
  return one === other ? one : PRIMARY;
}
