import type { CatalogQuery } from '../../execution/database.js';
import { StatementClassifier } from './statement-classifier.js';

const FUNCTIONS = [
  ['app', 'Reads', 'READS SQL DATA'],
  ['app', 'pure', 'NO SQL'],
  ['app', 'anything', 'CONTAINS SQL'],
  ['app', 'writes', 'MODIFIES SQL DATA'],
  ['app', 'twice', 'NO SQL'],
  ['other', 'twice', 'MODIFIES SQL DATA'],
  ['sys', 'format_path', 'NO SQL'],
  ['app', 'Sum', 'MODIFIES SQL DATA'],
  ['app', 'avg', 'NO SQL'],
].map(([in_schema, name, access]) => ({ in_schema, name, access }));

const TABLES = [
  ['app', 't', 'BASE TABLE', 'InnoDB'],
  ['app', 'history', 'SYSTEM VERSIONED', 'InnoDB'],
  ['app', 'rocks', 'BASE TABLE', 'ROCKSDB'],
  ['app', 'mem', 'BASE TABLE', 'MEMORY'],
  ['app', 'm', 'BASE TABLE', 'MyISAM'],
  ['app', 'far', 'BASE TABLE', 'FEDERATED'],
  ['app', 'broken', 'BASE TABLE', null],
  ['app', 'seq', 'SEQUENCE', 'InnoDB'],
  ['app', 'twice', 'BASE TABLE', 'InnoDB'],
  ['other', 'twice', 'BASE TABLE', 'MEMORY'],
  ...['v', 'vv', 'vlock', 'vvlock', 'vmem', 'vf', 'vhidden', 'vround'].map((name) => [
    'app',
    name,
    'VIEW',
    null,
  ]),
].map(([in_schema, name, type, engine]) => ({ in_schema, name, type, engine }));

const VIEWS = [
  ['v', "select `app`.`t`.`id` AS `id` from `app`.`t` where `app`.`t`.`s` = 'it\\'s'"],
  ['vv', 'select `v`.`id` AS `id` from (`app`.`v` join `app`.`history`)'],
  ['vlock', 'select `app`.`t`.`id` AS `id` from `app`.`t` for update'],
  ['vvlock', 'with c(`n`) as (select 1 AS `n` from `app`.`vlock`)select `c`.`n` AS `n` from `c`'],
  ['vmem', 'select 1 AS `1` from `app`.`mem`'],
  ['vf', 'select `writes`(`app`.`t`.`id`) AS `a` from `app`.`t`'],
  ['vhidden', ''],
  ['vround', 'select `vround`.`id` AS `id` from `app`.`vround`'],
].map(([name, query]) => ({ in_schema: 'app', name, query }));

/** Answers as a driver does that gives the texts of the information schema as bytes. */
function answers({ folds = 0, views = VIEWS } = {}): CatalogQuery {
  return (sql) => {
    if (sql.includes('lower_case')) return Promise.resolve([{ folds: String(folds) }]);
    if (sql.includes('ROUTINES')) return Promise.resolve(FUNCTIONS);
    if (sql.includes('VIEWS'))
      return Promise.resolve(views.map((row) => ({ ...row, query: Buffer.from(String(row.query)) })));
    return Promise.resolve(TABLES);
  };
}

async function classifierWith(query: CatalogQuery): Promise<StatementClassifier> {
  const classifier = new StatementClassifier();
  (await classifier.loadCatalog(query)).use();
  return classifier;
}

describe('a loaded catalog', () => {
  it.each([
    ['SELECT reads()', 'read'],
    ['SELECT `PURE`(1), app.pure(2)', 'read'],
    ['SELECT anything()', 'unknown'],
    ['SELECT writes()', 'unknown'],
    ['SELECT twice()', 'unknown'],
    ['SELECT app.twice()', 'read'],
    ['SELECT sys.format_path(?)', 'locking-read'],
    ['SELECT sum (1)', 'unknown'],
    ['SELECT SUM(1)', 'unknown'],
    ['SELECT avg(1)', 'read'],
    ['SELECT format_path(?)', 'unknown'],
    ['SELECT * FROM t, app.t a, history, rocks', 'read'],
    ['SELECT * FROM other.t', 'unknown'],
    ['SELECT * FROM mem', 'locking-read'],
    ['SELECT * FROM app.m', 'locking-read'],
    ['SELECT * FROM far', 'locking-read'],
    ['SELECT * FROM broken', 'locking-read'],
    ['SELECT * FROM seq', 'locking-read'],
    ['SELECT * FROM twice', 'locking-read'],
    ['SELECT * FROM app.twice', 'read'],
    ['SELECT * FROM v', 'read'],
    ['SELECT * FROM app.vv', 'read'],
    ['SELECT * FROM vlock', 'locking-read'],
    ['SELECT * FROM vvlock', 'locking-read'],
    ['SELECT * FROM vmem', 'locking-read'],
    ['SELECT * FROM vf', 'unknown'],
    ['SELECT * FROM vhidden', 'unknown'],
    ['SELECT * FROM vround', 'read'],
  ])('decides: %s', async (text, kind) => {
    expect((await classifierWith(answers())).classify(text).kind).toBe(kind);
  });

  it('tells what views rest on', async () => {
    const classifier = await classifierWith(answers());
    const { tables, restsOn } = classifier.classify('SELECT * FROM vv');
    expect([tables, restsOn?.map((list) => list.toSorted((a, b) => a.localeCompare(b)))]).toEqual([
      ['vv'],
      [['app.history', 'app.t', 'app.v']],
    ]);
    expect(classifier.classify('SELECT * FROM t').restsOn).toBeUndefined();
  });

  it('knows relations, and compares their names as the server does', async () => {
    const classifier = await classifierWith(answers());
    expect(['t', 'T', 'v', 'nowhere'].map((name) => classifier.knowsRelation(name))).toEqual([
      true,
      false,
      true,
      false,
    ]);
    const folding = await classifierWith(answers({ folds: 1 }));
    expect(folding.knowsRelation('T')).toBe(true);
    expect(folding.classify('SELECT * FROM APP.T').tables).toEqual(['app.t']);
  });

  it('replaces cached statements only if it differs from the last catalog', async () => {
    const classifier = await classifierWith(answers());
    const before = classifier.classify('SELECT unheard_of()');
    expect([before.needsCatalog, classifier.hasCatalog]).toEqual([true, true]);
    expect((await classifier.loadCatalog(answers())).use()).toBe(false);
    expect(classifier.classify('SELECT unheard_of()')).toBe(before);
    const loaded = await classifier.loadCatalog(answers({ views: [] }));
    expect([loaded.suspects, loaded.use()]).toEqual([[], true]);
  });

  it('is missing at first', () => {
    const classifier = new StatementClassifier();
    expect([classifier.hasCatalog, classifier.knowsRelation('t')]).toEqual([false, true]);
    expect(classifier.classify('SELECT mine()').needsCatalog).toBe(true);
  });

  it('is refused if its rows have another shape', async () => {
    const classifier = new StatementClassifier();
    await expect(classifier.loadCatalog(() => Promise.resolve([]))).rejects.toThrow(TypeError);
    await expect(classifier.loadCatalog(() => Promise.resolve([{ folds: 0 }]))).rejects.toThrow(TypeError);
  });
});
