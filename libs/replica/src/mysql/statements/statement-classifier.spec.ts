import { SEEN_TEXTS } from '../../../../../test/support/mysql/seen-texts.js';
import { Effect } from '../../execution/statements/effects.js';
import { BUILT_IN_CATALOG, type Catalog } from './catalog.js';
import { StatementClassifier } from './statement-classifier.js';

/** What the information schema says of the objects that the texts name. */
const CATALOG: Catalog = {
  ...BUILT_IN_CATALOG,
  functions: new Map([
    ['f_write', Effect.writes],
    ['f_read', Effect.readsTables],
    ['f_pure', Effect.readsTables],
    ['app.f_read', Effect.readsTables],
  ]),
  relations: new Map([
    ['t', Effect.none],
    ['app.t', Effect.none],
    ['v1', Effect.none],
    ['m', Effect.primaryOnly],
    ['mem', Effect.primaryOnly],
    ['seq', Effect.primaryOnly],
  ]),
  revision: 'test',
};

const classifier = new StatementClassifier();
classifier.useCatalog(CATALOG);

function flagsOf(text: string): string {
  const { mayWrite, keepsConnection, changesCatalog, transaction, readOnly, needsCatalog } =
    classifier.classify(text);
  const flags = {
    mayWrite,
    keepsConnection,
    changesCatalog,
    [transaction ?? '']: transaction,
    readOnly,
    needsCatalog,
  };
  return Object.entries(flags)
    .filter(([, isSet]) => isSet !== undefined && isSet !== false)
    .map(([flag]) => flag)
    .join(' ');
}

describe('what a statement may do', () => {
  it.each(SEEN_TEXTS)('is told for what a replica was asked: %s (%s)', (text, found, kind, flags) => {
    expect([classifier.classify(text).kind, flagsOf(text)]).toEqual([kind, flags]);
    // What a replica refuses as a write, or writes all the same, is never a read.
    if (['1290', '1792', 'WROTE'].includes(found)) expect(kind).not.toBe('read');
  });

  it.each([
    'SELECT `User`.`id` AS `User_id`, `User`.`name` AS `User_name` FROM `user` `User` WHERE `User`.`id` = ? LIMIT 1'.replace(
      '`user`',
      '`t`',
    ),
    'SELECT COUNT(1) AS `cnt` FROM `t` `a` LEFT JOIN `t` `b` ON `b`.`v`=`a`.`id` WHERE ( `a`.`s` LIKE ? ) AND ( `a`.`v` IN (?, ?) )',
    'SELECT DISTINCT `x`.`id` as `ids`, `x`.`v` FROM (SELECT `a`.`id` AS `id`, `a`.`v` AS `v` FROM `t` `a`) `x` ORDER BY `x`.`v` ASC LIMIT 10 OFFSET 5',
    'SELECT "text", "t"."id" FROM "t" "t"',
    "SELECT 'it''s', 'a\\\\', N'b', _utf8mb4'c', x'41', b'01', 0x1F, 1.5e-3, .5, 5., 1e5",
    'SELECT \'a\' \'b\', "a" "b"',
    'SELECT t.1a, t.for, t . `x` FROM app . t',
    'SELECT a.*, COUNT(*) FROM t a USE INDEX FOR ORDER BY (v), t b IGNORE KEY (PRIMARY) GROUP BY a.v WITH ROLLUP HAVING COUNT(*) > 1',
    'SELECT * FROM t PARTITION (p0, p1) AS a JOIN t b USING (id) NATURAL JOIN t c STRAIGHT_JOIN t d ON (c.id = d.id), t e',
    'SELECT * FROM t FOR SYSTEM_TIME AS OF NOW() WHERE id = 1',
    'SELECT * FROM t FOR SYSTEM_TIME FROM ? TO ? a JOIN t b ON a.id = b.id',
    "SELECT j.x FROM t, JSON_TABLE(t.s, '$[*]' COLUMNS (n FOR ORDINALITY, x VARCHAR(10) PATH '$.x' DEFAULT '0' ON EMPTY)) AS j",
    'SELECT * FROM t a, LATERAL (SELECT * FROM t b WHERE b.id = a.id) AS c (x, y, z)',
    'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5), m AS (SELECT * FROM n) SELECT * FROM m, n',
    '(SELECT id FROM t) UNION ALL (SELECT v FROM t ORDER BY v LIMIT 1) EXCEPT SELECT 1 ORDER BY 1 LIMIT 3',
    'SELECT EXTRACT(YEAR FROM NOW()), TRIM(BOTH ? FROM s), SUBSTRING(s FROM 1 FOR 2), POSITION(? IN s) FROM t',
    'SELECT CAST(v AS CHAR(10) CHARACTER SET utf8mb4), CONVERT(s USING utf8mb4), CHAR(77 USING latin1) FROM t',
    'SELECT GROUP_CONCAT(DISTINCT s ORDER BY s DESC SEPARATOR ?), SUM(v) OVER (PARTITION BY s ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t',
    'SELECT RANK() OVER w, PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY v) OVER () FROM t WINDOW w AS (ORDER BY v), x AS (w)',
    'SELECT CASE WHEN v IS NULL THEN LEFT(s, 1) ELSE INSERT(s, 1, 1, ?) END, IF(v, 1, 2), REPLACE(s, ?, ?), VALUES(v) FROM t',
    'SELECT NOW() + INTERVAL 1 DAY, DATE_SUB(NOW(), INTERVAL ? HOUR), TIMESTAMPDIFF(DAY, NOW(), NOW()) FROM DUAL',
    'SELECT * FROM t WHERE (id, v) IN ((1, 2), (3, 4)) AND EXISTS (SELECT 1 FROM t) AND v = ANY (SELECT 1) AND NOT (v DIV 2) XOR (v MOD 2)',
    'SELECT /*+ MAX_EXECUTION_TIME(1000) */ SQL_NO_CACHE HIGH_PRIORITY * FROM t',
    'SELECT s->>?, s -> ?, v & 1 | 2 ^ 3 << 1, !v, ~v, v <=> NULL, v := 1'.replace(', v := 1', ''),
    'SELECT @@version, @@GLOBAL.version_comment',
    'SELECT 1;',
    ' ;; SELECT 1 ; ; # end',
    'SELECT app.f_read(1)',
    'VALUES ROW(1, 2), ROW(3, 4)',
    'SELECT 1 FROM t OFFSET 1 ROWS'.replace(
      ' OFFSET 1 ROWS',
      ' ORDER BY 1 OFFSET 1 ROWS FETCH FIRST 2 ROWS ONLY',
    ),
    'SELECT 1 --\n+ 2, 3 --\t4\n, 5 -- \r select',
  ])('is only to read: %s', (text) => {
    expect(classifier.classify(text)).toMatchObject({
      kind: 'read',
      mayWrite: false,
      keepsConnection: false,
    });
  });

  it.each([
    ['SELECT 1 FOR UPDATE', 'locking-read'],
    ['SELECT * FROM t a FOR UPDATE OF a SKIP LOCKED', 'locking-read'],
    ['SELECT * FROM t JOIN t b ON b.id = t.id FOR SHARE OF b NOWAIT', 'locking-read'],
    ['SELECT (SELECT id FROM t LOCK IN SHARE MODE)', 'locking-read'],
    ['WITH a AS (SELECT * FROM t FOR UPDATE) SELECT * FROM a', 'locking-read'],
    ['SELECT 1 FOR/**/UPDATE', 'locking-read'],
    ['SELECT 1 for # x\n update', 'locking-read'],
    ['SELECT 5--1 FROM t FOR UPDATE', 'locking-read'],
    ['SELECT 5--GET_LOCK(?, 1)', 'session-change'],
    ['SELECT 5 -- \r\n FOR UPDATE', 'locking-read'],
    ['SELECT 5 --\u0001 FOR UPDATE', 'read'],
    ['WITH a AS (SELECT 1) UPDATE t SET v = 1', 'write'],
    ['WITH a AS (SELECT 1) DELETE FROM t', 'write'],
    ['SELECT a.nextval FROM t a', 'write'],
    ['SELECT seq.CURRVAL', 'write'],
    ['SELECT `seq`.`nextval`', 'write'],
    ['SELECT app.seq."NextVal"', 'write'],
    ['SELECT DEFAULT(id) FROM t', 'write'],
    ['SELECT `get_lock`(?, 1)', 'unknown'],
    ['SELECT "get_lock"(?, 1)', 'unknown'],
    ['SELECT get_lock (?, 1)', 'session-change'],
    ['SELECT Get_Lock/**/(?, 1)', 'session-change'],
    ['SELECT app.get_lock(?)', 'unknown'],
    ['SELECT app.pkg.f(1)', 'unknown'],
    ['SELECT other.f_read(1)', 'unknown'],
    ['SELECT * FROM other.t', 'unknown'],
    ['SELECT * FROM T', 'unknown'],
    ['SELECT * FROM f_read(1)', 'unknown'],
    ['SELECT `in`(1)', 'unknown'],
    ['SELECT text(1)', 'read'],
    ['SELECT `text`(1)', 'unknown'],
    ['SELECT @`x`', 'session-change'],
    ["SELECT @'x' FROM t", 'session-change'],
    ['SELECT @update', 'session-change'],
    ['SELECT @@session.sql_mode', 'session-change'],
    ['SELECT @@version_tokens_session', 'session-change'],
    ['SELECT * FROM t LIMIT @@version', 'read'],
    ["SELECT EXTRACTVALUE('<a/>', '$@x')", 'session-change'],
    ["SELECT 'it\\'s'", 'unknown'],
    ['SELECT "a\\"b"', 'unknown'],
    ["SELECT 'a\\' OR GET_LOCK('b', 1) OR '", 'unknown'],
    ['SELECT ??', 'unknown'],
    ['SELECT {fn NOW()}', 'unknown'],
    ['SELECT {ts ?}', 'unknown'],
    ['SELECT [a] FROM t', 'unknown'],
    ['SELECT \\N', 'unknown'],
    ['SELECT $$a$$', 'unknown'],
    ['SELECT 1\u00a0FOR UPDATE', 'unknown'],
    ['SELECT 1 \u200b', 'unknown'],
    ['SELECT 1 /* no end', 'unknown'],
    ["SELECT 'no end", 'unknown'],
    ['SELECT `no end', 'unknown'],
    ['SELECT /*+ SET_VAR(sql_mode = ?) */ 1', 'unknown'],
    ['SELECT /*+ BKA(t) RESOURCE_GROUP(x) */ 1', 'unknown'],
    ['SELECT 1; SELECT 2', 'unknown'],
    ['SELECT 1\0; DELETE FROM t', 'unknown'],
    ['SELECT (1', 'unknown'],
    ['SELECT 1)', 'unknown'],
    ['', 'unknown'],
    ['IF 1 THEN DELETE FROM t; END IF', 'unknown'],
    ['FOR i IN 1..2 DO DELETE FROM t; END FOR', 'unknown'],
    ['a: BEGIN DELETE FROM t; END', 'unknown'],
    ['EXPLAIN ANALYZE SELECT f_write(1)', 'unknown'],
    ['SET STATEMENT tx_read_only = 0 FOR SELECT f_write(1)', 'unknown'],
    ['SET STATEMENT a = (SELECT 1) FOR SELECT 1', 'unknown'],
    ['SET STATEMENT a = 1 FOR SET STATEMENT b = 2 FOR SELECT 1', 'unknown'],
    ['SET STATEMENT a = 1 FOR', 'unknown'],
    ['SET STATEMENT a = 1; SELECT 1', 'unknown'],
    ['EXPLAIN SELECT * FROM (SELECT f_write(1)) x', 'unknown'],
    ['SHOW TABLES WHERE f_write(1)', 'unknown'],
    ['HANDLER t READ FIRST WHERE f_write(1)', 'unknown'],
    ['SELECT * FROM INFORMATION_SCHEMA.tables', 'locking-read'],
    ['SELECT * FROM performance_schema.threads', 'locking-read'],
    // In older versions, these words may be the names of aliases.
    ['SELECT * FROM t intersect, mem', 'unknown'],
    ['SELECT * FROM t window, mem', 'locking-read'],
    ['SELECT 1 AS window FROM mem', 'locking-read'],
    ['SELECT 1 AS system_time FROM mem', 'locking-read'],
    ['SELECT * FROM window', 'unknown'],
    ['SELECT * FROM json_table j, mem', 'unknown'],
    ['SELECT * FROM lateral, mem', 'unknown'],
    ['SELECT * FROM t outer, mem', 'locking-read'],
    [
      'WITH mem (x) AS (SELECT 1) SELECT * FROM (WITH a AS (SELECT x FROM mem) SELECT x FROM a) t',
      'locking-read',
    ],
    ['WITH mem (x) AS (SELECT 1) SELECT * FROM mem', 'read'],
    // Whether the names are the same depends on the server.
    ['WITH a AS (SELECT 1) SELECT * FROM A', 'unknown'],
  ])('is no more than it has to be: %s', (text, kind) => {
    expect(classifier.classify(text).kind).toBe(kind);
  });

  it.each([
    ["SET @x = 1, autocommit = 0, NAMES 'utf8mb4'", true],
    ["INSERT INTO t (v) SELECT GET_LOCK('a', 1)", true],
    ['UPDATE t SET v = (@x := v)', true],
    ['INSERT INTO t (s) VALUES (?) ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id)', false],
    ["INSERT INTO t (s) VALUES ('it\\'s')", false],
    ['DO RELEASE_LOCK(?)', true],
    ['FLUSH TABLES t WITH READ LOCK', true],
    ['FLUSH TABLES', false],
    ['CREATE OR REPLACE TEMPORARY TABLE x (a INT)', true],
    ['CREATE PROCEDURE p() BEGIN SELECT 1; END', true],
    ['CREATE PROCEDURE p() SELECT 1', false],
    ['EXPLAIN FORMAT=JSON INTO @x SELECT 1', true],
    ['SELECT id INTO @x FROM t', true],
    ['COMMIT', false],
  ])('tells whether something stays on the connection: %s', (text, keepsConnection) => {
    expect(classifier.classify(text).keepsConnection).toBe(keepsConnection);
  });

  it('reveals only keywords and names of functions in the reason', () => {
    const texts = [
      "INSERT INTO t VALUES ('s3cret')",
      "SELECT f('s3cret')",
      "SELECT 's3cret",
      "SET PASSWORD = 's3cret'",
      'SELECT 1 FROM s3cret FOR UPDATE',
      'SELECT @s3cret',
      's3cret',
      '`s3cret` 1',
    ];
    for (const text of texts) expect(classifier.classify(text).because).not.toContain('s3cret');
  });

  it('compares names of tables without regard to case if the server does', () => {
    const folding = new StatementClassifier();
    folding.useCatalog({ ...CATALOG, foldsTables: true, revision: 'folding' });
    const statement = folding.classify('WITH A AS (SELECT * FROM App.T) SELECT * FROM a, T');
    expect([statement.kind, statement.tables]).toEqual(['read', ['app.t', 't']]);
    expect([folding.knowsRelation('T'), classifier.knowsRelation('T')]).toEqual([true, false]);
  });

  it('is a write from the moment a replica has refused it', () => {
    expect(classifier.classify('SELECT 41').kind).toBe('read');
    classifier.rememberAsWrite('SELECT 41');
    expect(classifier.classify('SELECT 41')).toMatchObject({ kind: 'write', mayWrite: true });
  });
});

describe('the tables of a read', () => {
  const all = new StatementClassifier();
  all.useCatalog({ ...CATALOG, relations: undefined, revision: 'all' });

  it.each<[text: string, tables?: string]>([
    ['SELECT 1'],
    ['SELECT * FROM DUAL'],
    ['SELECT * FROM `dual`', 'dual'],
    ['SELECT * FROM a', 'a'],
    ['SELECT * FROM `a``b`, "c""d"', 'a`b,"c""d"'],
    ['SELECT * FROM b.a AS c', 'b.a'],
    ['SELECT * FROM a, b AS c, a.b, a d', 'a,b,a.b'],
    ['SELECT * FROM a JOIN b USING (x) LEFT JOIN c ON (d.x = c.x) NATURAL JOIN e CROSS JOIN f', 'a,b,c,e,f'],
    ['SELECT * FROM ((a JOIN b ON true) STRAIGHT_JOIN (c INNER JOIN d) ON true), e', 'a,b,c,d,e'],
    ['SELECT * FROM a USE INDEX FOR GROUP BY (x) IGNORE INDEX (y), b FORCE KEY (z) JOIN c', 'a,b,c'],
    ['SELECT * FROM a PARTITION (p), b', 'a,b'],
    ['SELECT * FROM a FOR SYSTEM_TIME BETWEEN x AND y, b', 'a,b'],
    ['SELECT * FROM a ORDER BY (SELECT x FROM b) LIMIT 1', 'a,b'],
    [
      'SELECT (SELECT MAX(x) FROM b) FROM a WHERE EXISTS (SELECT 1 FROM c) AND x IN (SELECT x FROM d)',
      'b,a,c,d',
    ],
    ['SELECT x FROM a UNION (SELECT x FROM b) EXCEPT SELECT x FROM c', 'a,b,c'],
    ['TABLE a UNION TABLE b.c', 'a,b.c'],
    ['SELECT * FROM a, LATERAL (SELECT * FROM b) c', 'a,b'],
    ["SELECT * FROM a, JSON_TABLE((SELECT x FROM b), '$' COLUMNS (y INT PATH '$')) c, d", 'a,b,d'],
    ['SELECT EXTRACT(DAY FROM x), TRIM(y FROM z), SUBSTRING(s FROM 2) FROM a', 'a'],
    ['SELECT * FROM (VALUES (1), (2)) x, (TABLE a) y', 'a'],
    ['WITH a AS (SELECT * FROM b) SELECT * FROM a', 'b'],
    ['WITH a AS (SELECT * FROM a) SELECT * FROM a', 'a'],
    ['WITH a (x) AS (SELECT 1) SELECT * FROM s.a', 's.a'],
    ['WITH a AS (SELECT * FROM b), b AS (SELECT * FROM a) SELECT * FROM b', 'b'],
    ['SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a) x, a', 'a'],
    ['WITH RECURSIVE a (x) AS (SELECT 1 UNION SELECT x FROM a, b) SELECT * FROM a', 'b'],
    ['WITH a AS (SELECT 1) (SELECT * FROM a, b)', 'b'],
  ])('are listed: %s', (text, tables = '') => {
    const statement = all.classify(text);
    expect([statement.kind, statement.tables?.join()]).toEqual(['read', tables]);
  });

  it('are not listed if nested lists of WITH give names that tables have, too', () => {
    const nested = 'WITH t AS (SELECT 1) SELECT * FROM (WITH a AS (SELECT * FROM t) SELECT * FROM a) x';
    expect(classifier.classify(nested)).toMatchObject({ kind: 'read' });
    expect(classifier.classify(nested).tables).toBeUndefined();
    expect(classifier.classify(nested.replaceAll(/\bt\b/g, 'u')).tables).toEqual([]);
  });

  it('are not listed if it calls a stored function, which may read others', () => {
    expect(classifier.classify('SELECT f_read(id) FROM t').tables).toBeUndefined();
  });
});

describe('the tables that a write changes', () => {
  it.each<[text: string, ...tables: string[]]>([
    ['INSERT INTO t (id) VALUES (1), (2)', 't'],
    ['insert ignore `app`.`t` set id = ?', 't'],
    ['REPLACE DELAYED INTO t SELECT * FROM v1', 't'],
    ['UPDATE LOW_PRIORITY t SET id = f_read(1)', 't'],
    ['DELETE FROM `t` WHERE id = ?', 't'],
    ['DELETE FROM t', 't'],
  ])('are known: %s', (text, ...tables) => {
    expect(classifier.classify(text)).toMatchObject({ kind: 'write', changes: tables });
  });

  it.each([
    'UPDATE t, app.t SET t.id = 1',
    'UPDATE t JOIN v1 ON true SET t.id = 1',
    'DELETE t FROM t JOIN v1 ON true',
    'DELETE FROM t USING t JOIN v1',
    'INSERT INTO t VALUES (f_write())',
    'INSERT INTO unheard_of VALUES (1)',
    'TRUNCATE t',
  ])('may be any: %s', (text) => {
    expect(classifier.classify(text).mayWrite).toBe(true);
    expect(classifier.classify(text).changes).toBeUndefined();
  });
});
