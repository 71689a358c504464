import type { Statement } from '../execution/statements/statement.js';
import { TableRules } from './table-rules.js';
import { PostgresDatabase } from '../postgres/database.js';

const DATABASE = new PostgresDatabase({ connectTimeoutMs: 1, extra: {}, onIdleError: () => undefined });

const READ: Statement = { kind: 'read', mayWrite: false, keepsConnection: false, changesCatalog: false };

function reading(tables?: readonly string[], restsOn?: readonly (readonly string[])[]): Statement {
  return { ...READ, tables, restsOn };
}

const rules = new TableRules(
  DATABASE,
  { accounts: 'primary', metrics: 'analytics', 'billing.items': 'analytics', events: 'archive' },
  ['sessions', 'auth.users'],
);

describe('the rule for a statement', () => {
  it.each<[node: string | undefined, tables: readonly string[] | undefined, why: string]>([
    [undefined, [], 'it names no table'],
    [undefined, ['products'], 'its table has no rule'],
    ['primary', ['accounts'], 'its table belongs to the primary'],
    ['primary', ['billing.accounts'], 'the rule names no schema'],
    ['analytics', ['metrics'], 'its table belongs to that node'],
    ['analytics', ['products', 'metrics', 'metrics'], 'the other table does not mind'],
    ['primary', ['metrics', 'accounts'], 'primary is stricter than a node'],
    ['primary', ['accounts', 'metrics'], 'primary is stricter than a node, whatever the order'],
    ['primary', ['metrics', 'events'], 'two nodes are asked for'],
    ['analytics', ['billing.items'], 'the schema is the same'],
    ['analytics', ['items'], 'it may be that schema'],
    [undefined, ['shop.items'], 'the schema is another'],
    ['primary', ['sessions'], 'its entity is primary only'],
    ['primary', ['auth.users'], 'its entity with a schema is primary only'],
    [undefined, ['public.users'], 'the entity of that name has another schema'],
    [undefined, ['Accounts'], 'case counts'],
    ['primary', undefined, 'it is not known what is read'],
  ])('is %s for %j: %s', (node, tables) => {
    expect(rules.ruleFor(reading(tables))).toBe(node);
  });

  it('also holds for what stands behind a table', () => {
    expect(rules.ruleFor(reading(['a_view'], [['public.products'], ['public.accounts']]))).toBe('primary');
    expect(rules.ruleFor(reading(['metrics'], [['public.events']]))).toBe('primary');
    expect(rules.ruleFor(reading(['metrics'], [['public.products']]))).toBe('analytics');
  });

  it('is the strictest of all that are given for one table', () => {
    const twice = new TableRules(DATABASE, { metrics: 'analytics', 'public.metrics': 'archive' }, [
      'accounts',
    ]);
    expect(twice.ruleFor(reading(['public.metrics']))).toBe('primary');
    expect(twice.ruleFor(reading(['other.metrics']))).toBe('analytics');
    const both = new TableRules(DATABASE, { accounts: 'analytics' }, ['public.accounts']);
    expect(both.ruleFor(reading(['accounts']))).toBe('primary');
  });

  it('is looked for once in each statement', () => {
    let asked = 0;
    const statement: Statement = {
      ...READ,
      get tables() {
        asked += 1;
        return ['metrics'];
      },
    };
    for (let run = 0; run < 3; run += 1) expect(rules.ruleFor(statement)).toBe('analytics');
    expect(asked).toBe(1);
  });

  it('is none without rules, even where it is not known what is read', () => {
    const none = new TableRules(DATABASE);
    expect([none.isEmpty, rules.isEmpty]).toEqual([true, false]);
    expect(none.ruleFor(reading(undefined))).toBeUndefined();
  });

  it('knows a name as PostgreSQL cuts it', () => {
    const long = 'a'.repeat(70);
    expect(new TableRules(DATABASE, { [long]: 'primary' }).ruleFor(reading(['a'.repeat(63)]))).toBe(
      'primary',
    );
  });
});

describe('tables that are not there', () => {
  it('are told with the schema of their rule', () => {
    const known = new Set(['accounts', 'metrics', 'sessions']);
    expect(rules.unknownTables((name) => known.has(name))).toEqual(['billing.items', 'events', 'auth.users']);
  });
});
