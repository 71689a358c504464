import { beforeAll, describe, expect, it } from '@jest/globals';
import type { PostgresCluster } from 'nestjs-replica/testing';
import { loadCatalog } from '../../../libs/replica/src/postgres/statements/load-catalog.js';
import { StatementClassifier } from '../../../libs/replica/src/postgres/statements/statement-classifier.js';
import type { Statement } from '../../../libs/replica/src/execution/statements/statement.js';
import { TableRules } from '../../../libs/replica/src/engine/table-rules.js';
import { PostgresDatabase } from '../../../libs/replica/src/postgres/database.js';
import { useCluster } from '../../support/cluster/use-cluster.js';

const DATABASE = new PostgresDatabase({ connectTimeoutMs: 1, extra: {}, onIdleError: () => undefined });

const SCHEMA = `
create schema shop;
create table accounts (id int, owner text);
create table products (id int, name text);
create table "orderItem" (id int);
create table "odd.name" (id int);
create table shop.accounts (id int);

create view rich as select * from accounts where id > 1;
create view nested as select p.name from products p where exists (select from rich);
create view shop.rich as select * from products;
create view odd as select * from "odd.name";
create view over_catalog as select relname from pg_class;
create materialized view stored as select * from accounts;

create table events (id int, at date) partition by range (at);
create table events_1 partition of events for values from ('2026-01-01') to ('2026-02-01');
create table events_2 partition of events for values from ('2026-02-01') to ('2026-03-01') partition by list (id);
create table events_2a partition of events_2 default;
create index on events (id);
create view latest as select * from events_1;
create table plain (id int);
create table special () inherits (plain);

create table guarded (id int);
alter table guarded enable row level security;
create policy own on guarded using (exists (select from accounts a where a.id = guarded.id));
create table watched (id int);
alter table watched enable row level security;

create function calm(int) returns int language sql immutable as 'select $1 + 1';
create function year_of(date) returns numeric language sql immutable as 'select extract(year from $1)';
create function total() returns bigint language sql stable as 'select count(*) from accounts';
create function total_of_quoted() returns bigint language plpgsql stable
  as $$ begin return (select count(*) from "orderItem"); end $$;
create function total_atomic() returns bigint language sql stable begin atomic select count(*) from products; end;
create function total_nested() returns bigint language plpgsql stable as $$ begin return total(); end $$;
create function first_product() returns products language sql stable as 'table products';
create function total_above(int) returns bigint language sql stable as 'select count(*) from products where id > $1';
create operator +/ (function = total_above, rightarg = int);
create function has_account(int) returns boolean language sql stable as 'select exists (select from accounts where id = $1)';
create policy own on watched using (has_account(id));
create view totals as select total() as total;
create function label(products) returns bigint language sql stable as 'select count(*) from accounts';
`;

const cluster = useCluster({ replicas: 1 });
let classifier: StatementClassifier;

beforeAll(async () => {
  await cluster.primary.query(SCHEMA);
  await cluster.waitForCatchUp();
  classifier = await classifierOf(cluster.replicas[0]!);
});

async function classifierOf(node: PostgresCluster['primary']): Promise<StatementClassifier> {
  const made = new StatementClassifier();
  made.useCatalog(await loadCatalog((sql) => node.query(sql)));
  return made;
}

/** A read, as everything here is. */
function read(text: string): Statement {
  const statement = classifier.classify(text);
  expect({ text, because: statement.because }).toEqual({ text, because: undefined });
  return statement;
}

describe('what a read rests on', () => {
  it.each<[text: string, tables: string, behind?: string]>([
    ['SELECT * FROM accounts', 'accounts'],
    ['SELECT * FROM public.rich', 'public.rich', 'public.accounts'],
    ['SELECT * FROM rich', 'rich', 'public.accounts, public.products'],
    ['SELECT * FROM shop.rich r', 'shop.rich', 'public.products'],
    ['SELECT * FROM nested', 'nested', 'public.accounts, public.products, public.rich'],
    ['SELECT * FROM odd', 'odd', 'public."odd.name"'],
    ['SELECT * FROM over_catalog', 'over_catalog'],
    ['SELECT * FROM stored', 'stored'],
    ['SELECT * FROM events', 'events', 'public.events_1, public.events_2, public.events_2a'],
    ['SELECT * FROM events_1', 'events_1', 'public.events'],
    ['SELECT * FROM events_2a', 'events_2a', 'public.events, public.events_2'],
    ['SELECT * FROM latest', 'latest', 'public.events, public.events_1'],
    ['SELECT * FROM plain', 'plain', 'public.special'],
    ['SELECT * FROM ONLY special', 'special', 'public.plain'],
    ['SELECT * FROM guarded', 'guarded', 'public.accounts'],
    ['SELECT calm(id), year_of(current_date) FROM products p', 'products'],
    ['SELECT p.name, p FROM products p', 'products'],
  ])('is told by the catalog: %s', (text, tables, behind = '') => {
    const { tables: own, restsOn = [] } = read(text);
    expect(own?.join(', ')).toBe(tables);
    expect(restsOn.flat().toSorted().join(', ')).toBe(behind);
  });

  it.each([
    'SELECT total()',
    'SELECT total_of_quoted()',
    'SELECT total_atomic()',
    'SELECT total_nested()',
    'SELECT * FROM first_product()',
    'SELECT +/ 1',
    'SELECT * FROM totals',
    'SELECT * FROM watched',
    'SELECT p.label FROM products p',
  ])('is not known where a function reads for it: %s', (text) => {
    expect(read(text).tables).toBeUndefined();
  });
});

describe('a rule of a table', () => {
  const rules = new TableRules(DATABASE, {
    accounts: 'primary',
    events_2: 'analytics',
    'shop.rich': 'archive',
  });

  it.each<[node: string | undefined, text: string]>([
    ['primary', 'SELECT * FROM public.accounts'],
    ['primary', 'SELECT * FROM products JOIN nested USING (name)'],
    ['primary', 'SELECT * FROM guarded'],
    ['primary', 'SELECT total()'],
    ['analytics', 'SELECT * FROM events'],
    ['analytics', 'SELECT * FROM events_2a'],
    [undefined, 'SELECT * FROM events_1'],
    [undefined, 'SELECT * FROM stored'],
    ['archive', 'SELECT * FROM shop.rich'],
    ['primary', 'SELECT * FROM events, shop.rich'],
    [undefined, 'SELECT calm(id) FROM products'],
    [undefined, 'WITH accounts AS (SELECT 1 AS id) SELECT * FROM accounts'],
  ])('sends to %s: %s', (node, text) => {
    expect(rules.ruleFor(read(text))).toBe(node);
  });

  it('holds for a view that is made later, from the next catalog on', async () => {
    const text = 'SELECT * FROM made_later';
    expect(classifier.classify(text).kind).toBe('unknown');
    await cluster.primary.query('create view made_later as select id from products');
    classifier.useCatalog(await loadCatalog((sql) => cluster.primary.query(sql)));
    expect(rules.ruleFor(classifier.classify(text))).toBeUndefined();
    await cluster.primary.query('create or replace view made_later as select id from rich');
    classifier.useCatalog(await loadCatalog((sql) => cluster.primary.query(sql)));
    expect(rules.ruleFor(classifier.classify(text))).toBe('primary');
  });
});
