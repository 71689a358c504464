import type { Random } from '../../support/statements/random.js';

/** The tables that generated texts read; `v1` is a view. Their names are those of aliases, columns and CTEs, too. */
export const TABLES = ['t', 't2', 'v1'] as const;

const BLANKS = [
  ' ',
  ' ',
  ' ',
  ' ',
  '\n',
  '\t',
  '/**/',
  '/* x */',
  '# x\n',
  '-- x\n',
  '--\n',
  '-- \r x\n',
  '/*+ x */',
];
const ODD_BLANKS = [
  '/*! */',
  '/*!50000 */',
  '/*M! */',
  '/*!99999 x */',
  "/* ' */",
  '/* " */',
  "-- '\n",
  '# `\n',
  '\u00a0',
  '--x\n',
];
const TEXTS = [
  "'a'",
  "'it''s'",
  "'a\\\\'",
  "'a\\'",
  "'\\''",
  "'a\\\\\\''",
  '"a"',
  '"a""b"',
  '"\\""',
  "N'a'",
  "_latin1'a'",
  "x'41'",
  "'-- '",
  "'/*'",
  "'#'",
];
/** Words that stand for something in the grammar, but are no reserved words everywhere. */
const ODD_NAMES =
  `window offset share value next nextval previous lateral full system_time minus recursive json_table outer any text
  rows of only path skip locked no nowait fetch end begin exists against columns over partition interval x1 1x $x dual 2e`.split(
    /\s+/,
  );
const CALLS = [
  'NOW()',
  'count(*)',
  'COUNT (1)',
  'LEFT(s, 1)',
  'IF(1, 2, 3)',
  'f_pure(1)',
  '`f_pure`(1)',
  'f_read(1)',
  'COALESCE(v, 1)',
  'MOD(v, 2)',
  'RAND()',
  'EXTRACT(YEAR FROM NOW())',
  'TRIM(BOTH "a" FROM s)',
  'SUBSTRING(s FROM 1 FOR 1)',
  'CAST(v AS CHAR CHARACTER SET utf8mb4)',
  'DATE_ADD(NOW(), INTERVAL 1 DAY)',
  'CONVERT(s USING utf8mb4)',
  'GROUP_CONCAT(s ORDER BY v SEPARATOR ",")',
  'SUM(v) OVER (PARTITION BY s ORDER BY v)',
  'INSERT(s, 1, 1, "a")',
  'REPLACE(s, "a", "b")',
  'JSON_EXTRACT(\'{"a": 1}\', "$.a")',
  'CHAR(77 USING latin1)',
  'VALUES(v)',
  'DATABASE()',
  'CURRENT_TIMESTAMP',
  'CASE WHEN v THEN 1 ELSE 2 END',
  'MATCH (s) AGAINST ("one")',
];
const HARMFUL_CALLS = [
  'f_write(1)',
  'app_f_write(1)',
  '`f_write`(1)',
  'GET_LOCK("a", 0)',
  'get_lock ("b", 0)',
  '`get_lock`("c", 0)',
  'Get_Lock/**/("d", 0)',
  'RELEASE_ALL_LOCKS()',
  'NEXTVAL(seq)',
  'NEXT VALUE FOR seq',
  'LASTVAL(seq)',
  'SETVAL(seq, 9)',
  'LAST_INSERT_ID(42)',
  '@y',
  '@y := 1',
  '(@y := 2)',
  "@'y' := 3",
  '@`y` := v',
  '@@sql_mode',
  'seq.nextval',
  '`seq`.`nextval`',
  'app.seq."nextval"',
  'DEFAULT(d)',
  'std (v)',
  '"f_write"(1)',
];
const TAILS = [
  '',
  '',
  '',
  ' ORDER BY 1',
  ' LIMIT 2',
  ' GROUP BY v',
  ' LIMIT 1 OFFSET 1',
  ' ORDER BY 1 LIMIT 2',
  ' HAVING 1',
  ' WINDOW w AS (ORDER BY v)',
];
const HARMFUL_TAILS = [
  ' FOR UPDATE',
  ' LOCK IN SHARE MODE',
  ' FOR UPDATE NOWAIT',
  ' FOR UPDATE SKIP LOCKED',
  ' for/**/update',
  ' LIMIT 1 INTO @z',
  ' INTO @z',
  ' LIMIT 1 FOR UPDATE',
  ' /*! FOR UPDATE */',
  ' FOR SHARE',
  '; DELETE FROM t',
  ' PROCEDURE ANALYSE()',
];

/** Makes texts that look like queries, of which many are none, and some do harm. */
export class QueryGenerator {
  readonly #random: Random;
  readonly #danger: number;

  /** @param danger how often a part of a text does harm, from 0 to 1 */
  constructor(random: Random, danger: number) {
    this.#random = random;
    this.#danger = danger;
  }

  /** A text, with blanks of all kinds between its parts. */
  text(): string {
    return this.#blanked(this.#query(3));
  }

  /** A text of which some parts were removed, repeated or exchanged. */
  mutated(): string {
    const parts = this.#query(3).split(' ');
    for (let count = 1 + this.#random.below(2); count > 0; count -= 1) {
      const at = this.#random.below(parts.length);
      const choice = this.#random.below(4);
      if (choice === 0) parts.splice(at, 1);
      else if (choice === 1) parts.splice(at, 0, parts[at]!);
      else if (choice === 2) parts.splice(at, 0, this.#random.pick(parts));
      else parts.splice(at, 0, this.#random.pick(ODD_NAMES));
    }
    return this.#blanked(parts.join(' '));
  }

  #isHarmful(): boolean {
    return this.#random.chance(this.#danger);
  }

  #blanked(text: string): string {
    return text.replaceAll(' ', () => {
      if (this.#random.chance(0.85)) return ' ';
      return this.#random.pick(this.#isHarmful() ? ODD_BLANKS : BLANKS);
    });
  }

  #query(depth: number): string {
    let text = this.#random.chance(0.2) && depth > 0 ? this.#with(depth) : '';
    text += this.#select(depth);
    while (this.#random.chance(0.15))
      text += ` ${this.#random.pick(['UNION', 'UNION ALL', 'EXCEPT', 'INTERSECT'])} ${this.#select(depth - 1)}`;
    return text + this.#random.pick(this.#isHarmful() ? HARMFUL_TAILS : TAILS);
  }

  #with(depth: number): string {
    const name = this.#random.pick([...TABLES, ...TABLES, 'c', 'T', this.#random.pick(ODD_NAMES)]);
    const isRecursive = this.#random.chance(0.2);
    const columns = this.#random.chance(0.3) ? ' (x)' : '';
    const body = isRecursive ? 'SELECT 1 AS x' : this.#query(depth - 1);
    const more = this.#random.chance(0.2)
      ? ` , ${this.#random.pick([...TABLES, 'd'])} AS ( ${this.#query(depth - 1)} )`
      : '';
    return `WITH ${isRecursive ? 'RECURSIVE ' : ''}${name}${columns} AS ( ${body} )${more} `;
  }

  #select(depth: number): string {
    if (depth > 0 && this.#random.chance(0.05)) return `( ${this.#query(depth - 1)} )`;
    if (this.#random.chance(0.03)) return 'VALUES ( 1 )';
    const items = [this.#item(depth)];
    if (this.#random.chance(0.3)) items.push(this.#item(depth));
    const modifier = this.#random.pick([
      '',
      '',
      '',
      '',
      'DISTINCT ',
      'ALL ',
      'STRAIGHT_JOIN ',
      'SQL_NO_CACHE ',
      this.#isHarmful() ? 'SQL_CALC_FOUND_ROWS ' : '',
    ]);
    const from = this.#random.chance(0.9) ? ` FROM ${this.#relations(depth)}` : '';
    const where = from !== '' && this.#random.chance(0.4) ? ` WHERE ${this.#condition(depth)}` : '';
    return `SELECT ${modifier}${items.join(' , ')}${from}${where}`;
  }

  #item(depth: number): string {
    if (this.#isHarmful()) return this.#random.pick(HARMFUL_CALLS);
    if (depth > 0 && this.#random.chance(0.1)) return `( ${this.#query(depth - 1)} )`;
    const value = this.#random.pick([
      '1',
      'v',
      '*',
      'a.v',
      '1.5',
      '.5',
      '1e3',
      '`v`',
      '5--1',
      '?',
      '@@version',
      this.#random.pick(ODD_NAMES),
      `a.${this.#random.pick(ODD_NAMES)}`,
      `${this.#random.pick(ODD_NAMES)}(1)`,
      this.#random.pick(TEXTS),
      this.#random.pick(CALLS),
    ]);
    return this.#random.chance(0.2)
      ? `${value} AS ${this.#random.pick(['x', '`x`', "'x'", '"x"', this.#random.pick(ODD_NAMES)])}`
      : value;
  }

  #condition(depth: number): string {
    if (depth > 0 && this.#random.chance(0.15)) return `EXISTS ( ${this.#query(depth - 1)} )`;
    if (depth > 0 && this.#random.chance(0.1)) return `1 IN ( ${this.#query(depth - 1)} )`;
    return this.#random.pick([
      '1',
      'v = 1',
      `s LIKE ${this.#random.pick(TEXTS)}`,
      'v BETWEEN 1 AND 2',
      'NOT (1)',
      `${this.#item(0)} > 1`,
    ]);
  }

  #relations(depth: number): string {
    let text = this.#relation(depth);
    while (this.#random.chance(0.3)) {
      text +=
        this.#random.pick([
          ' , ',
          ' JOIN ',
          ' NATURAL JOIN ',
          ' STRAIGHT_JOIN ',
          ' CROSS JOIN ',
          ' LEFT JOIN ',
        ]) + this.#relation(depth);
      if (this.#random.chance(0.4))
        text += this.#random.pick([' ON 1', ' USING ( v )', ` ON ${this.#condition(depth - 1)}`]);
    }
    return text;
  }

  #relation(depth: number): string {
    if (depth > 0 && this.#random.chance(0.12))
      return `( ${this.#query(depth - 1)} ) ${this.#random.pick(['x', 'AS x', 't'])}`;
    if (depth > 0 && this.#random.chance(0.05)) return `( ${this.#relations(depth - 1)} )`;
    if (this.#random.chance(0.03)) return "JSON_TABLE( '[1]' , '$[*]' COLUMNS ( x INT PATH '$' ) ) j";
    const name = this.#random.pick([
      ...TABLES,
      ...TABLES,
      ...TABLES,
      '`t`',
      'app.t',
      'app . `t2`',
      '"t"',
      'c',
      'DUAL',
      'T',
      this.#random.pick(ODD_NAMES),
    ]);
    const hint = this.#random.chance(0.1)
      ? this.#random.pick([
          ' USE INDEX ( v )',
          ' FORCE INDEX FOR ORDER BY ( v )',
          ' FOR SYSTEM_TIME ALL',
          ' PARTITION ( p )',
        ])
      : '';
    const alias = this.#random.chance(0.4)
      ? this.#random.pick([
          ' a',
          ' AS a',
          ' t2',
          ' AS `t`',
          ` ${this.#random.pick(ODD_NAMES)}`,
          ` AS ${this.#random.pick(ODD_NAMES)}`,
        ])
      : '';
    return this.#random.chance(0.5) ? name + hint + alias : name + alias + hint;
  }
}
