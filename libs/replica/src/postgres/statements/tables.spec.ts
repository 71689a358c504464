import { Effect } from '../../execution/statements/effects.js';
import { BUILT_IN_CATALOG, type Catalog } from './catalog.js';
import { loadCatalog, NAMES_QUERY } from './load-catalog.js';
import { StatementClassifier } from './statement-classifier.js';
import { reachOf, restsOnOf } from '../../execution/statements/rests-on.js';
import { LINKS_QUERY } from './links-query.js';

function classifierWith(catalog: Partial<Catalog> = {}): StatementClassifier {
  const classifier = new StatementClassifier();
  classifier.useCatalog({ ...BUILT_IN_CATALOG, revision: 'test', ...catalog });
  return classifier;
}

const classifier = classifierWith();

describe('the tables of a statement', () => {
  it.each<[text: string, tables?: string]>([
    ['SELECT 1'],
    ['SHOW search_path'],
    ['SELECT now(), lower($1)'],
    ['SELECT * FROM accounts', 'accounts'],
    ['SELECT * FROM Accounts a', 'accounts'],
    ['SELECT * FROM "Accounts" "a"', 'Accounts'],
    ['SELECT * FROM "odd.name", "say ""hi"""', '"odd.name","say ""hi"""'],
    ['SELECT * FROM billing.accounts', 'billing.accounts'],
    ['SELECT * FROM "Billing" . /* x */ accounts AS a', 'Billing.accounts'],
    ['SELECT * FROM app.billing.accounts', 'billing.accounts'],
    ['SELECT * FROM a, b AS c, a.b, a d', 'a,b,a.b'],
    ['SELECT * FROM a JOIN b USING (x) LEFT JOIN c ON (d.x = c.x) NATURAL JOIN e CROSS JOIN f', 'a,b,c,e,f'],
    ['SELECT * FROM ((a JOIN b ON true) JOIN (c CROSS JOIN d) ON true), e', 'a,b,c,d,e'],
    ['SELECT * FROM ONLY a, ONLY (b) JOIN ONLY c ON true', 'a,b,c'],
    ['SELECT * FROM a *, b TABLESAMPLE system (1) REPEATABLE (2), c', 'a,b,c'],
    ['TABLE a', 'a'],
    ['TABLE ONLY b.a', 'b.a'],
    ['SELECT 1 UNION ALL TABLE a', 'a'],
    ['SELECT x FROM a UNION (SELECT x FROM b EXCEPT SELECT x FROM c) ORDER BY x', 'a,b,c'],
    [
      'SELECT (SELECT max(x) FROM b) FROM a WHERE EXISTS (TABLE c) AND x = ANY (ARRAY(SELECT x FROM d))',
      'b,a,c,d',
    ],
    ['SELECT * FROM a, LATERAL (SELECT * FROM b WHERE b.x = a.x) c', 'a,b'],
    ['SELECT * FROM generate_series(1, 2) a, ROWS FROM (unnest($1), lower((SELECT x FROM b))) c', 'b'],
    [`SELECT * FROM left('abc', x), a`, 'a'],
    ['SELECT * FROM current_user, "current_user"', 'current_user'],
    ['VALUES ((SELECT x FROM a)), (2)', 'a'],
    ['SELECT extract(year FROM at), trim(both FROM name), x IS DISTINCT FROM y FROM a', 'a'],
    ['SELECT * FROM a JOIN b ON a.x IS NOT DISTINCT FROM b.x, c', 'a,b,c'],
    ['SELECT * FROM a JOIN b ON percentile_cont(0.5) WITHIN GROUP (ORDER BY x) > 1, c', 'a,b,c'],
    [`SELECT * FROM a JOIN b ON COLLATION FOR (x) = '', c`, 'a,b,c'],
    ['EXPLAIN SELECT * FROM a', 'a'],
    ['EXPLAIN (ANALYZE) TABLE a', 'a'],
    ['SELECT * FROM a ORDER BY (SELECT x FROM b) LIMIT (SELECT x FROM c)', 'a,b,c'],
    ['WITH a AS (SELECT * FROM b) SELECT * FROM a', 'b'],
    ['WITH a AS (SELECT * FROM a) SELECT * FROM a', 'a'],
    ['WITH a AS (SELECT 1) SELECT * FROM s.a', 's.a'],
    ['WITH a AS (SELECT 1) TABLE b', 'b'],
    ['WITH a AS (SELECT 1) (TABLE b)', 'b'],
    ['WITH a AS (SELECT * FROM b), b AS (SELECT * FROM a) SELECT * FROM b', 'b'],
    ['SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a) x, a', 'a'],
    ['WITH a AS (SELECT 1) SELECT * FROM (WITH a AS (SELECT * FROM a) SELECT * FROM a) x'],
    ['WITH a AS (WITH b AS (SELECT 1) SELECT * FROM b) SELECT * FROM a, b', 'b'],
    ['WITH RECURSIVE a AS (SELECT 1 UNION SELECT x FROM a, b) SELECT * FROM a', 'b'],
    ['WITH RECURSIVE a(x) AS NOT MATERIALIZED (TABLE a), b AS (TABLE a) TABLE b'],
    ['WITH recursive AS (SELECT 1), a AS (SELECT * FROM a) SELECT * FROM recursive, a', 'a'],
    ['WITH a AS (SELECT 1), recursive AS (SELECT * FROM recursive) TABLE recursive', 'recursive'],
    ['WITH RECURSIVE a AS (TABLE b) SEARCH DEPTH FIRST BY x, c SET d SELECT * FROM a, c, d', 'b,c,d'],
    ['WITH RECURSIVE a AS (TABLE b) CYCLE x, c SET d USING e, f AS (SELECT 1) SELECT * FROM a, c, f', 'b,c'],
  ])('are listed: %s', (text, tables = '') => {
    const statement = classifier.classify(text);
    expect(statement.kind).toBe('read');
    expect(statement.tables?.join()).toBe(tables);
  });

  it.each([
    ['WITH RECURSIVE may define one of them', 'WITH RECURSIVE a AS (TABLE b), b AS (SELECT 1) TABLE a'],
    ['the statement is not a read', 'SELECT * FROM a FOR UPDATE'],
    ['the statement is not a query', 'DELETE FROM a'],
    ['there are several statements', 'SELECT 1; SELECT 2'],
    ['the text cannot be parsed', 'SELECT * FROM a a a'],
  ])('are not listed if %s', (_, text) => {
    expect(classifier.classify(text).tables).toBeUndefined();
  });

  it('are not listed if a call may read others, but the statement is still a read', () => {
    const reads = new Map([['mine', Effect.readsTables]]);
    const catalog = { functions: new Map([...BUILT_IN_CATALOG.functions, ...reads]) };
    const statement = classifierWith(catalog).classify('SELECT mine(x) FROM a');
    expect([statement.kind, statement.tables]).toEqual(['read', undefined]);
    expect(classifierWith({ mentions: reads }).classify('SELECT * FROM mine').tables).toBeUndefined();
    expect(
      classifierWith({ anywhere: new Map([['operator =', Effect.readsTables]]) }).classify('SELECT 1'),
    ).toMatchObject({
      kind: 'read',
    });
    expect(
      classifierWith({ anywhere: new Map([['operator =', Effect.readsTables]]) }).classify('SELECT 1').tables,
    ).toBeUndefined();
  });

  it('are the same object for all runs of a text', () => {
    const first = classifier.classify('SELECT * FROM a WHERE x = $1');
    expect(classifier.classify('SELECT * FROM a WHERE x = $1')).toBe(first);
    expect(Object.isFrozen(first.tables)).toBe(true);
  });
});

const LINKS = [
  ['reads', 'public', 'active', 'public', 'accounts'],
  ['reads', 'public', 'newest', 'public', 'active'],
  ['reads', 'shop', 'active', 'shop', 'products'],
  ['reads', 'public', 'orders', 'public', 'tenants'],
  ['reads', 'public', 'busy', 'public', 'events'],
  ['inherits', 'public', 'events_1', 'public', 'events'],
  ['inherits', 'public', 'events_2', 'public', 'events'],
  ['inherits', 'public', 'events_2a', 'public', 'events_2'],
].map(([kind, schema, name, other_schema, other_name]) => ({ kind, schema, name, other_schema, other_name }));

describe('the relations behind a relation', () => {
  const restsOn = restsOnOf(LINKS);

  it.each<[relation: string, ...tables: string[]]>([
    ['public.newest', 'public.accounts', 'public.active'],
    ['public.active', 'public.accounts'],
    ['active', 'public.accounts', 'shop.products'],
    ['orders', 'public.tenants'],
    ['events', 'public.events_1', 'public.events_2', 'public.events_2a'],
    ['events_1', 'public.events'],
    ['events_2', 'public.events', 'public.events_2a'],
    ['public.events_2a', 'public.events', 'public.events_2'],
    ['busy', 'public.events', 'public.events_1', 'public.events_2', 'public.events_2a'],
  ])('are found: %s', (relation, ...tables) => {
    expect(restsOn.get(relation)?.toSorted()).toEqual(tables);
  });

  it('do not exist for most', () => {
    for (const name of ['accounts', 'public.accounts', 'tenants', 'shop.active_', 'elsewhere.events']) {
      expect(restsOn.get(name)).toBeUndefined();
    }
  });

  it('are found even if the links form a cycle', () => {
    const round = restsOnOf([
      ...LINKS,
      { ...LINKS[0], schema: 'public', name: 'accounts', other_name: 'newest' },
    ]);
    expect(round.get('accounts')?.toSorted()).toEqual(['public.active', 'public.newest']);
  });

  it('are part of the statement', async () => {
    const names = {
      strings: 'on',
      functions: '[]',
      operators: '["*"]',
      relations: '["newest", "busy", "a"]',
    };
    const loaded = new StatementClassifier();
    loaded.useCatalog(
      await loadCatalog((sql) =>
        Promise.resolve(sql === NAMES_QUERY ? [names] : sql === LINKS_QUERY ? LINKS : []),
      ),
    );
    const statement = loaded.classify('EXPLAIN SELECT * FROM newest, a, (TABLE public.busy) b');
    expect(statement.tables).toEqual(['newest', 'a', 'public.busy']);
    expect(statement.restsOn).toEqual([restsOn.get('newest'), restsOn.get('busy')]);
    expect(loaded.classify('TABLE a').restsOn).toBeUndefined();
  });
});

describe('the tables that a write changes', () => {
  const row = (kind: string, name: string, other_name = name): Record<string, unknown> => ({
    kind,
    schema: 'public',
    name,
    other_schema: 'public',
    other_name,
  });
  const reach = reachOf([
    ...LINKS,
    row('cascades', 'author', 'post'),
    row('cascades', 'post', 'comment'),
    row('cascades', 'owner', 'audited'),
    row('triggers', 'audited'),
  ]);
  const names = 'a Odd author post comment owner audited active accounts events events_1 events_2';
  const writer = classifierWith({
    reach,
    relations: new Set(names.split(' ')),
    functions: new Map([...BUILT_IN_CATALOG.functions, ['writes', Effect.writes]]),
  });

  it.each<[text: string, ...tables: string[]]>([
    ['INSERT INTO a (x) VALUES (lower($1), now())', 'a'],
    ['/* x */ insert into shop."Odd" values (1) returning *', 'Odd'],
    ['UPDATE ONLY A SET x = 1', 'a'],
    ['DELETE FROM "a" USING author WHERE true', 'a'],
    ['MERGE INTO a USING post ON true WHEN MATCHED THEN DELETE', 'a'],
    ['UPDATE author SET x = 1', 'author', 'comment', 'post'],
    ['DELETE FROM comment', 'comment'],
    ['UPDATE active SET x = 1', 'accounts', 'active', 'products'],
    ['INSERT INTO events VALUES (1)', 'events', 'events_1', 'events_2', 'events_2a'],
    ['INSERT INTO events_1 VALUES (1)', 'events', 'events_1', 'events_2', 'events_2a'],
  ])('are known: %s', (text, ...tables) => {
    expect(writer.classify(text)).toMatchObject({ kind: 'write', changes: expect.anything() });
    expect(writer.classify(text).changes?.toSorted()).toEqual(tables);
  });

  it.each([
    'UPDATE audited SET x = 1',
    'DELETE FROM owner',
    'INSERT INTO a VALUES (writes(1))',
    'INSERT INTO unheard_of VALUES (1)',
    'TRUNCATE a',
    'COPY a FROM STDIN',
    'INSERT INTO a VALUES (1); DELETE FROM post',
    'WITH x AS (DELETE FROM post RETURNING 1) INSERT INTO a TABLE x',
    'SELECT writes(1)',
    'CREATE TABLE a (x int)',
    'UPDATE ONLY (a) SET x = 1',
  ])('may be any: %s', (text) => {
    expect(writer.classify(text)).toMatchObject({ mayWrite: true });
    expect(writer.classify(text).changes).toBeUndefined();
  });

  it('may be any before the catalog is known', () => {
    expect(new StatementClassifier().classify('INSERT INTO a VALUES (1)').changes).toBeUndefined();
  });
});
