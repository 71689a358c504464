import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Connection } from 'mysql2/promise';
import { Effect } from '../../libs/replica/src/execution/statements/effects.js';
import { NATIVE_FUNCTIONS } from '../../libs/replica/src/mysql/statements/functions.js';
import { StatementClassifier } from '../../libs/replica/src/mysql/statements/statement-classifier.js';
import { useCluster } from '../support/cluster/use-cluster.js';
import { SEEN_OBJECTS, SEEN_TEXTS } from '../support/mysql/seen-texts.js';
import { Random } from '../support/statements/random.js';
import { QueryGenerator, TABLES } from './support/generate-sql.js';
import { connect, errorOf, Witness } from './support/witness.js';

/** For a longer search, set more texts or another seed: `MARIADB_TEXTS=60000 MARIADB_SEED=7`. */
const TEXTS = Number(process.env.MARIADB_TEXTS ?? 400);
const SEED = Number(process.env.MARIADB_SEED ?? 1);

const MODES = [
  '',
  'ANSI_QUOTES',
  'NO_BACKSLASH_ESCAPES',
  'ANSI',
  'ORACLE',
  'MSSQL',
  'IGNORE_SPACE,PIPES_AS_CONCAT',
];
/** SELECT command denied to user for table. */
const DENIED = 1142;
/** Errors that the server finds after it has checked what the user may read: columns that do not exist, or do not fit. */
const AFTER_ACCESS = [1052, 1054, 1222, 1241];
/** How long one text may take on a busy machine. */
const TEXT_MS = 100;

const OBJECTS = [
  ...SEEN_OBJECTS,
  'CREATE TABLE t2 LIKE t',
  'ALTER TABLE t2 ADD d BIGINT DEFAULT NEXTVAL(seq)',
  'INSERT INTO t2 (v, s) SELECT v, s FROM t',
  'CREATE FUNCTION `std`(n INT) RETURNS INT MODIFIES SQL DATA BEGIN INSERT INTO t (v) VALUES (n); RETURN n; END',
  'CREATE VIEW locks AS SELECT * FROM t FOR UPDATE',
  'CREATE VIEW shares AS SELECT * FROM t LOCK IN SHARE MODE',
  "CREATE VIEW odd AS SELECT 'it\\'s' a, `id` + 1 b FROM (SELECT id FROM t ORDER BY 1 LIMIT 5) c",
  'CREATE VIEW counts AS SELECT NEXTVAL(seq) a',
  'CREATE VIEW calls AS SELECT f_write(id) a FROM t',
  'CREATE VIEW deep AS SELECT * FROM calls',
  'CREATE VIEW common AS WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 3) SELECT n FROM c',
];

const cluster = useCluster({
  database: 'mariadb',
  replicas: 1,
  settings: { log_bin_trust_function_creators: true },
});
const classifier = new StatementClassifier({ cacheSize: 0 });
const witnesses: Witness[] = [];
/** Users who may read all tables but one, by that table's name. */
const restricted = new Map<string, Connection>();
let onReplica: Witness;

beforeAll(async () => {
  const { primary } = cluster;
  const replica = cluster.replicas[0]!;
  for (const sql of OBJECTS) await primary.query(sql);
  for (const table of TABLES) {
    await primary.query(`CREATE USER no_${table}`);
    for (const other of [...TABLES, 'm'])
      if (other !== table) await primary.query(`GRANT SELECT ON ${primary.database}.${other} TO no_${table}`);
    for (const routine of ['f_pure', 'f_read'])
      await primary.query(`GRANT EXECUTE ON FUNCTION ${primary.database}.${routine} TO no_${table}`);
  }
  await cluster.waitForCatchUp();
  (await classifier.loadCatalog((sql) => replica.query(sql))).use();
  for (const mode of MODES) witnesses.push(await Witness.on(primary, mode));
  onReplica = await Witness.on(replica);
  for (const table of TABLES) restricted.set(table, await connect(primary, `no_${table}`));
});

afterAll(async () => {
  for (const witness of witnesses) await witness.end();
  await onReplica?.end();
  for (const connection of restricted.values()) await connection.end();
});

function isRead(text: string): boolean {
  return classifier.classify(text).kind === 'read';
}

describe('a text that MariaDB runs', () => {
  it.each([
    ["SELECT GET_LOCK('a', 0)", ['locks']],
    ['SELECT @x := 5', ['variables']],
    ['SELECT 1 INTO @x', ['variables']],
    ['SELECT LAST_INSERT_ID(42)', ['settings']],
    ['SELECT NEXTVAL(seq)', ['position', 'inserted']],
    ['SELECT f_write(1)', ['inserted', 'rows']],
    ['SELECT DEFAULT(d) FROM t2', ['position', 'inserted']],
    ['SELECT std (1)', ['inserted', 'rows']],
    ['SELECT * FROM t FOR UPDATE', ['rows']],
    ['SELECT * FROM t LOCK IN SHARE MODE', ['rows']],
    ['SELECT * FROM locks', []],
  ])('leaves traces that the tests see: %s', async (text, traces) => {
    const found = await witnesses[0]!.tracesOf(text);
    expect(found).toEqual(traces.length === 0 ? [] : expect.arrayContaining(traces));
    expect(isRead(text)).toBe(false);
  });

  it.each(SEEN_TEXTS.filter(([text]) => !/^(RENAME|XA|SET GLOBAL|SET PASSWORD)/.test(text)))(
    'leaves no trace if it is a read: %s',
    async (text, _found, kind) => {
      // The catalog is the real one here.
      expect(classifier.classify(text).kind).toBe(kind);
      if (kind !== 'read') return;
      expect(await witnesses[0]!.tracesOf(text)).toEqual([]);
      expect(await onReplica.refusalOf(text)).toBeUndefined();
    },
  );

  it.each(
    SEEN_TEXTS.map(([text]) => text).filter((text) => {
      const { kind, mayWrite, transaction } = new StatementClassifier().classify(text);
      return kind !== 'read' && !mayWrite && transaction === undefined && !text.startsWith('SET GLOBAL');
    }),
  )('writes nothing and leaves nothing on its connection unless it is said to: %s', async (text) => {
    const { mayWrite, keepsConnection } = classifier.classify(text);
    const unsaid = new Set(mayWrite ? [] : ['position', 'inserted']);
    // Every INSERT also sets the last number that was given out, which is no reason to keep a connection.
    if (!keepsConnection && !text.includes('LAST_INSERT_ID'))
      for (const trace of ['locks', 'variables', 'settings']) unsaid.add(trace);
    const traces = await witnesses[0]!.tracesOf(text);
    expect(traces.filter((trace) => unsaid.has(trace))).toEqual([]);
  });

  it('leaves no trace by any function that counts as harmless', async () => {
    const wrong: string[] = [];
    const harmless = [...NATIVE_FUNCTIONS].filter(
      ([name, effects]) => effects === Effect.none && name !== 'sleep',
    );
    for (const [name] of harmless) {
      const calls = ['', '1', "'a'", 'v, 1', "'1', 1", 's, v, 1', '* '].map(
        (args) => `SELECT ${name}(${args}) FROM t`,
      );
      const traces = await witnesses[0]!.tracesOf(...calls);
      if (traces.length > 0) wrong.push(`${name}: ${traces.join()}`);
    }
    expect(wrong).toEqual([]);
  }, 60_000);

  it.each([
    ['odd', true],
    ['common', true],
    ['v1', true],
    ['locks', false],
    ['shares', false],
    ['counts', false],
    ['calls', false],
    ['deep', false],
  ])('is a read of a view if the query of the view is one: %s', async (view, expected) => {
    const text = `SELECT * FROM ${view}`;
    expect(isRead(text)).toBe(expected);
    if (expected) expect(await witnesses[0]!.tracesOf(text)).toEqual([]);
  });

  it.each([
    { danger: 0.02, isMutated: false },
    { danger: 0.15, isMutated: false },
    { danger: 0.02, isMutated: true },
    { danger: 0.15, isMutated: true },
  ])(
    'leaves no trace if it is a read, however it is written: $danger, $isMutated',
    async ({ danger, isMutated }) => {
      const random = new Random(SEED);
      const generator = new QueryGenerator(random, danger);
      const wrong: unknown[] = [];
      const tally = { reads: 0, others: 0 };
      const before = await onReplica.position();
      for (let count = 0; count < TEXTS; count += 1) {
        const text = (isMutated ? generator.mutated() : generator.text()).replaceAll(
          'app',
          cluster.primary.database,
        );
        if (!isRead(text)) {
          tally.others += 1;
          continue;
        }
        tally.reads += 1;
        const mode = random.below(MODES.length);
        const traces = await witnesses[mode]!.tracesOf(text);
        const refusal = await onReplica.refusalOf(text);
        if (traces.length > 0 || refusal !== undefined)
          wrong.push({ text, mode: MODES[mode], traces, refusal });
      }
      expect(wrong).toEqual([]);
      expect(await onReplica.position()).toBe(before);
      expect(Math.min(tally.reads, tally.others)).toBeGreaterThan(TEXTS / 10);
    },
    TEXTS * TEXT_MS,
  );

  it(
    'reads the tables that are listed, and no others',
    async () => {
      const random = new Random(SEED + 1);
      const generator = new QueryGenerator(random, 0);
      const different: unknown[] = [];
      const tally = { denied: 0, answered: 0 };
      for (let count = 0; count < 5 * TEXTS; count += 1) {
        const text = (random.chance(0.5) ? generator.text() : generator.mutated()).replaceAll(
          'app',
          cluster.primary.database,
        );
        const { kind, tables } = classifier.classify(text);
        if (kind !== 'read' || tables === undefined) continue;
        const table = random.pick(TABLES);
        const error = await errorOf(restricted.get(table)!, text);
        if (error !== undefined && error !== DENIED && !AFTER_ACCESS.includes(error)) continue;
        tally[error === DENIED ? 'denied' : 'answered'] += 1;
        const isListed = tables.includes(table) || tables.includes(`${cluster.primary.database}.${table}`);
        if (isListed !== (error === DENIED)) different.push({ text, table, tables, error });
      }
      expect(different).toEqual([]);
      expect(Math.min(tally.denied, tally.answered)).toBeGreaterThan(TEXTS / 20);
    },
    TEXTS * TEXT_MS,
  );
});
