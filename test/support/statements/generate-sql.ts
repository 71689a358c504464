import type { Random } from './random.js';

const WORDS = (text: string): readonly string[] => text.trim().split(/\s+/);

const COLUMNS = WORDS(
  'id name price tags data "order" "update" p.id p.name "p"."id" c.name p.* x.value p.from a.select mood',
);
const TABLES = WORDS(
  'product category "order" public.product "public"."category" pg_catalog.pg_class child rows',
);
/** Names that WITH may give and FROM may ask for; some are those of tables. */
const GIVEN = WORDS('product category child "order" x y recursive "recursive" search');
const ALIASES = WORDS('p c x y "p" "update" "for update" t key first over filter value like_it names');
/** Labels without AS may be almost any keyword (manual, appendix C). */
const BARE_LABELS = WORDS(
  'distinct join select table values using left natural tablesample only lateral update delete all key share no is',
);
const LABELS = WORDS(
  'from into select join where for using on as order update distinct join limit not materialized over filter',
);
const TYPES = WORDS(
  'int text varchar(20) numeric(10,2) timestamp(3) bit(3) uuid regclass mood int[] text[] jsonb "mood" public.mood',
).concat([
  'double precision',
  'character varying(5)',
  'time(3) with time zone',
  'interval day to second',
  'bit varying(3)',
]);
const OPERATORS = WORDS(
  '= <> != < > <= >= + - * / % ^ || -> ->> #> #>> @> <@ ? ?| ?& && & | # << >> ~ ~* !~ !~* ~~ !~~ @@ -|-',
);
const CONSTANTS = WORDS(
  `1 0 1.5 .5 1e10 1_000 0x1F $1 $2 'a' 'it''s' '' E'a\\'b' E'\\'' $$a$$ $x$--$x$ $q$';$q$ B'01' X'1F' N'n' U&'\\0061' true false null`,
).concat([
  `'-- no comment'`,
  `'/* none */'`,
  `'; DELETE FROM product'`,
  `'for update'`,
  `$$ nextval('counter') $$`,
  `E'\\\\'`,
  `'two'\n'parts'`,
  `"it's"`,
  'current_timestamp',
  'current_date',
  'current_timestamp(3)',
  'current_user',
  'localtime',
  `DATE '2026-01-01'`,
  `interval '1 day'`,
  `interval(3) '1 day'`,
  `timestamp(3) '2026-01-01'`,
]);
const HARMLESS = WORDS(
  'count sum min max lower upper length coalesce nullif greatest least now abs round concat substring overlay position left right repeat random pg_catalog.lower "lower" jsonb_build_object array_agg to_char date_trunc generate_series unnest row array_length',
);
const DANGEROUS = WORDS(
  'nextval setval pg_advisory_lock pg_try_advisory_xact_lock set_config txid_current pg_notify currval mystery public.mystery "Lower" "nextval" pg_catalog.nextval pg_sleep_ dblink over filter first cube key like_it mood',
);
/** What may stand behind the query of a name that WITH gives; it has commas of its own. */
const CTE_TAILS = [
  'SEARCH DEPTH FIRST BY id , product SET category',
  'SEARCH BREADTH FIRST BY a , set , search SET "order"',
  'CYCLE id , child SET category USING product',
  `CYCLE a SET x TO 'y' DEFAULT 'n' USING path`,
].map(WORDS);
const COMMENTS = ['/* x */', '/* /* ; */ */', '-- y\n', '--\n', '/*+ hint */', `/*'*/`, '/*"*/', '/*$$*/'];
const ODD_TOKENS = WORDS(
  `( ) [ ] , . ; :: : := => .. * + - -- /* */ ' " $$ $1 $a$ \\\\ @ # SELECT FROM WHERE WITH AS ON USING JOIN LEFT NATURAL LATERAL ONLY INTO FOR UPDATE SHARE NO KEY INSERT DELETE MERGE VALUES TABLE DISTINCT ALL UNION EXCEPT IN NOT IS NULL AND OR CASE WHEN THEN ELSE END OVER FILTER WITHIN GROUP BY ORDER LIMIT OFFSET FETCH FIRST ROWS TABLESAMPLE RECURSIVE MATERIALIZED ORDINALITY WINDOW HAVING LIKE BETWEEN CAST EXISTS ARRAY ROW nextval set_config mystery lower x p`,
);

export interface GeneratorOptions {
  /** How often something that is no read is put in; 0 makes reads only. */
  readonly danger: number;
  /** How often a place is filled with something unusual: keywords as labels, comments instead of blanks. */
  readonly oddness: number;
}

/** Makes SQL texts of all shapes that the classifier has to tell apart. As random as what it is given. */
export class SqlGenerator {
  readonly #random: Random;
  readonly #options: GeneratorOptions;

  constructor(random: Random, options: GeneratorOptions) {
    this.#random = random;
    this.#options = options;
  }

  /** One text, nearly always of one statement. */
  text(): string {
    const parts = this.#statement();
    if (this.#dangerous())
      parts.push(';', ...(this.#random.chance(0.3) ? this.#statement() : ['DELETE', 'FROM', 'product']));
    else if (this.#random.chance(0.1)) parts.push(';');
    return this.#join(parts);
  }

  /** A text that was changed at some places, mostly to nonsense. */
  mutated(): string {
    const parts = this.#statement();
    for (let change = 1 + this.#random.below(3); change > 0; change -= 1) this.#mutate(parts);
    return this.#join(parts);
  }

  #mutate(parts: string[]): void {
    const at = this.#random.below(parts.length);
    switch (this.#random.below(5)) {
      case 0:
        parts.splice(at, 1);
        return;
      case 1:
        parts.splice(at, 0, parts[this.#random.below(parts.length)] ?? '');
        return;
      case 2:
        parts.splice(at, 1, this.#random.pick(ODD_TOKENS));
        return;
      case 3:
        parts.splice(at, 0, this.#random.pick(ODD_TOKENS));
        return;
      default:
        parts.splice(at, 2, ...parts.slice(at, at + 2).toReversed());
    }
  }

  #join(parts: readonly string[]): string {
    let text = '';
    for (const part of parts) {
      const isTight = /^[),;\]]$/.test(part) || /[([]$/.test(text);
      text += text === '' || (isTight && this.#random.chance(0.5)) ? '' : this.#blank();
      text += /^[A-Z]+$/.test(part) && this.#random.chance(0.3) ? part.toLowerCase() : part;
    }
    return text;
  }

  #blank(): string {
    if (!this.#odd()) return ' ';
    return this.#random.pick([...COMMENTS, '\n', '\t', '  ', '\r\n', '\f']);
  }

  #dangerous(): boolean {
    return this.#random.chance(this.#options.danger);
  }

  #odd(): boolean {
    return this.#random.chance(this.#options.oddness);
  }

  #some(parts: () => readonly string[], most: number): string[] {
    const list = [...parts()];
    for (let left = this.#random.below(most); left > 0; left -= 1) list.push(',', ...parts());
    return list;
  }

  #statement(): string[] {
    if (this.#dangerous()) {
      return this.#random
        .pick([
          ['DELETE', 'FROM', 'product'],
          ['EXPLAIN', 'ANALYZE', 'DELETE', 'FROM', 'product'],
          ['SET', 'search_path', '=', 'public'],
          ['EXPLAIN', '(', 'ANALYZE', ')', 'SELECT', 'nextval', '(', `'counter'`, ')'],
        ])
        .slice();
    }
    if (this.#random.chance(0.03)) return ['SHOW', this.#random.pick(['ALL', 'search_path', 'app.tenant'])];
    if (this.#random.chance(0.04)) return this.#copy();
    if (this.#random.chance(0.03))
      return [
        'EXPLAIN',
        ...this.#random.pick([['ANALYZE'], [], ['(', 'COSTS', 'OFF', ')']]),
        ...this.#query(2),
      ];
    return this.#query(1 + this.#random.below(3));
  }

  #copy(): string[] {
    const source = this.#random.chance(0.6)
      ? ['(', ...this.#query(2), ')']
      : [this.#table(), ...this.#random.pick([[], ['(', 'id', ')'], ['(', 'id', ',', '"name"', ')']])];
    const target = this.#dangerous()
      ? this.#random.pick([
          ['TO', `'/tmp/x'`],
          ['TO', 'PROGRAM', `'cat'`],
          ['FROM', 'STDIN'],
        ])
      : ['TO', 'STDOUT'];
    const options = this.#random.pick([
      [],
      ['CSV', 'HEADER'],
      ['WITH', '(', 'FORMAT', 'csv', ',', 'FORCE_QUOTE', '(', 'id', ')', ')'],
    ]);
    return ['COPY', ...source, ...target, ...options];
  }

  #query(depth: number): string[] {
    const parts: string[] = [];
    if (this.#random.chance(0.15)) parts.push(...this.#with(depth - 1));
    parts.push(...this.#core(depth));
    while (this.#random.chance(0.1)) {
      parts.push(
        this.#random.pick(['UNION', 'INTERSECT', 'EXCEPT']),
        ...this.#random.pick([[], ['ALL'], ['DISTINCT']]),
      );
      parts.push(...this.#core(depth - 1));
    }
    if (this.#random.chance(0.2)) parts.push('ORDER', 'BY', ...this.#some(() => this.#order(depth - 1), 2));
    if (this.#random.chance(0.2))
      parts.push(
        ...this.#random.pick([
          ['LIMIT', '10'],
          ['OFFSET', '$1'],
          ['FETCH', 'FIRST', '(', '2', ')', 'ROWS', 'ONLY'],
        ]),
      );
    if (this.#dangerous()) {
      parts.push(
        'FOR',
        ...this.#random.pick([['UPDATE'], ['SHARE'], ['NO', 'KEY', 'UPDATE'], ['KEY', 'SHARE']]),
      );
    }
    return parts;
  }

  #with(depth: number): string[] {
    const cte = (): string[] => {
      const body = this.#dangerous()
        ? this.#random.pick([
            ['DELETE', 'FROM', 'product', 'RETURNING', '*'],
            ['INSERT', 'INTO', 'category', 'VALUES', '(', '1', ')', 'RETURNING', 'id'],
            ['UPDATE', 'category', 'SET', 'name', '=', 'name', 'RETURNING', 'id'],
          ])
        : this.#query(depth);
      const columns = this.#random.pick([[], ['(', 'a', ')'], ['(', '"a"', ',', 'b', ')']]);
      const hint = this.#random.pick([[], [], ['MATERIALIZED'], ['NOT', 'MATERIALIZED']]);
      const name = this.#random.chance(0.5) ? this.#random.pick(GIVEN) : this.#alias();
      const tail = this.#random.chance(0.1) ? this.#random.pick(CTE_TAILS) : [];
      return [name, ...columns, 'AS', ...hint, '(', ...body, ')', ...tail];
    };
    return ['WITH', ...(this.#random.chance(0.3) ? ['RECURSIVE'] : []), ...this.#some(cte, 2)];
  }

  #table(): string {
    return this.#random.pick(this.#random.chance(0.2) ? GIVEN : TABLES);
  }

  #only(): string[] {
    const table = this.#table();
    return ['ONLY', ...this.#random.pick([[table], ['(', table, ')']])];
  }

  #alias(): string {
    return this.#random.pick(ALIASES);
  }

  #core(depth: number): string[] {
    if (this.#random.chance(0.06))
      return ['VALUES', ...this.#some(() => ['(', ...this.#expression(depth - 1), ')'], 2)];
    if (this.#random.chance(0.04)) return ['TABLE', this.#random.pick(TABLES)];
    if (depth > 0 && this.#random.chance(0.08)) return ['(', ...this.#query(depth - 1), ')'];
    const parts = ['SELECT', ...this.#random.pick([[], [], [], ['DISTINCT'], ['ALL']])];
    if (this.#random.chance(0.08)) parts.push('DISTINCT', 'ON', '(', ...this.#expression(0), ')');
    parts.push(...this.#some(() => this.#column(depth), 4));
    if (this.#random.chance(this.#options.danger / 2))
      parts.push('INTO', ...this.#random.pick([['copied'], ['TEMP', 'copied']]));
    if (this.#random.chance(0.8)) parts.push('FROM', ...this.#some(() => this.#relation(depth - 1), 3));
    if (this.#random.chance(0.5)) parts.push('WHERE', ...this.#expression(depth));
    if (this.#random.chance(0.15)) {
      const sets = this.#random.pick([['ROLLUP', '('], ['CUBE', '('], ['GROUPING', 'SETS', '('], ['(']]);
      parts.push('GROUP', 'BY', 'id', ',', ...sets, 'name', ')');
    }
    if (this.#random.chance(0.1)) parts.push('HAVING', ...this.#expression(depth - 1));
    if (this.#random.chance(0.05)) parts.push('WINDOW', 'w', 'AS', '(', 'ORDER', 'BY', 'id', ')');
    return parts;
  }

  #column(depth: number): string[] {
    const parts = this.#random.chance(0.1) ? ['*'] : this.#expression(depth);
    if (parts[0] === '*') return parts;
    if (this.#odd())
      return this.#random.chance(0.5)
        ? [...parts, this.#random.pick(BARE_LABELS)]
        : [...parts, 'AS', this.#random.pick(LABELS)];
    return this.#random.chance(0.4) ? [...parts, 'AS', this.#alias()] : parts;
  }

  #order(depth: number): string[] {
    return [
      ...this.#expression(depth),
      ...this.#random.pick([[], ['ASC'], ['DESC', 'NULLS', 'LAST'], ['USING', '<']]),
    ];
  }

  #relation(depth: number): string[] {
    const parts = this.#item(depth);
    while (this.#random.chance(0.3)) parts.push(...this.#joined(depth));
    return parts;
  }

  #joined(depth: number): string[] {
    if (this.#random.chance(0.2))
      return [this.#random.pick(['CROSS', 'NATURAL']), 'JOIN', ...this.#item(depth)];
    const kind = this.#random.pick([
      ['JOIN'],
      ['INNER', 'JOIN'],
      ['LEFT', 'JOIN'],
      ['RIGHT', 'OUTER', 'JOIN'],
      ['FULL', 'JOIN'],
    ]);
    const condition = this.#random.chance(0.25)
      ? ['USING', '(', 'id', ')', ...this.#random.pick([[], [], ['AS', 'j']])]
      : ['ON', ...this.#expression(depth)];
    return [...kind, ...this.#item(depth), ...condition];
  }

  #item(depth: number): string[] {
    const alias = this.#random.pick([
      [],
      [this.#alias()],
      ['AS', this.#alias()],
      [this.#alias(), '(', 'a', ',', '"b"', ')'],
      ['AS', this.#alias(), '(', 'a', ')'],
    ]);
    const lateral = this.#random.chance(0.1) ? ['LATERAL'] : [];
    switch (this.#random.below(depth > 0 ? 9 : 4)) {
      case 4:
        return [...lateral, '(', ...this.#query(depth - 1), ')', ...alias];
      case 5:
        return [
          ...lateral,
          ...this.#call(depth - 1),
          ...this.#random.pick([[], ['WITH', 'ORDINALITY']]),
          ...alias,
        ];
      case 6:
        return ['(', ...this.#item(depth - 1), 'CROSS', 'JOIN', ...this.#item(0), ')'];
      case 7: {
        const definition = this.#random.pick([
          ['AS', '(', 'a', 'int', ',', 'b', 'varchar(20)', ')'],
          ['AS', 't', '(', 'a', 'numeric(10,2)', ')'],
        ]);
        return ['jsonb_to_recordset', '(', ...this.#expression(0), ')', ...definition];
      }
      case 8: {
        const functions = this.#some(() => this.#call(depth - 1), 2);
        return ['ROWS', 'FROM', '(', ...functions, ')', ...alias];
      }
      default: {
        const sample = this.#random.chance(0.05)
          ? ['TABLESAMPLE', 'bernoulli', '(', '10', ')', 'REPEATABLE', '(', '1', ')']
          : [];
        return [...(this.#random.chance(0.95) ? [this.#table()] : this.#only()), ...alias, ...sample];
      }
    }
  }

  #call(depth: number): string[] {
    const name = this.#dangerous() ? this.#random.pick(DANGEROUS) : this.#random.pick(HARMLESS);
    const inside = this.#random.chance(0.1) ? [] : this.#some(() => this.#expression(depth - 1), 3);
    const parts = [name, '(', ...(this.#random.chance(0.05) ? ['DISTINCT'] : []), ...inside, ')'];
    if (this.#random.chance(0.05)) parts.push('FILTER', '(', 'WHERE', ...this.#expression(0), ')');
    if (this.#random.chance(0.05))
      parts.push(
        'OVER',
        ...this.#random.pick([
          ['w'],
          ['(', ')'],
          ['(', 'PARTITION', 'BY', 'id', 'ORDER', 'BY', 'name', ')'],
          ['(', 'w', ')'],
        ]),
      );
    return parts;
  }

  #expression(depth: number): string[] {
    if (depth <= 0)
      return [
        this.#random.pick(
          this.#random.chance(0.5) ? COLUMNS.filter((name) => !name.endsWith('*')) : CONSTANTS,
        ),
      ];
    const inner = (): string[] => this.#operand(depth - 1 - this.#random.below(2));
    switch (this.#random.below(26)) {
      case 0:
      case 1:
      case 2:
        return [...inner(), this.#random.pick(OPERATORS), ...inner()];
      case 3:
      case 4:
      case 5:
        return this.#call(depth);
      case 6:
        return ['(', ...inner(), ')'];
      case 7:
        return [...inner(), '::', this.#random.pick(TYPES)];
      case 8:
        return ['CAST', '(', ...inner(), 'AS', this.#random.pick(TYPES), ')'];
      case 9:
        return [
          'CASE',
          ...this.#random.pick([[], inner()]),
          'WHEN',
          ...inner(),
          'THEN',
          ...inner(),
          'ELSE',
          '(',
          ...inner(),
          ')',
          'END',
        ];
      case 10:
        return [...inner(), ...this.#random.pick([[], ['NOT']]), 'IN', '(', ...this.#some(inner, 3), ')'];
      case 11:
        return [...inner(), 'IN', '(', ...this.#query(depth - 2), ')'];
      case 12:
        return ['EXISTS', '(', ...this.#query(depth - 2), ')'];
      case 13:
        return ['(', ...this.#query(depth - 2), ')'];
      case 14:
        return [
          'ARRAY',
          ...this.#random.pick([
            ['[', ...this.#some(inner, 3), ']'],
            ['(', ...this.#query(depth - 2), ')'],
          ]),
        ];
      case 15:
        return [
          ...inner(),
          ...this.#random.pick([['BETWEEN'], ['NOT', 'BETWEEN', 'SYMMETRIC']]),
          ...this.#expression(0),
          'AND',
          ...this.#expression(0),
        ];
      case 16:
        return [
          ...inner(),
          ...this.#random.pick([['LIKE'], ['ILIKE'], ['NOT', 'LIKE'], ['SIMILAR', 'TO']]),
          '(',
          ...inner(),
          ')',
        ];
      case 17:
        return [
          ...inner(),
          'IS',
          ...this.#random.pick([[], ['NOT']]),
          ...this.#random.pick([['NULL'], ['TRUE'], ['DISTINCT', 'FROM', ...this.#expression(0)]]),
        ];
      case 18:
        return [
          ...inner(),
          this.#random.pick(OPERATORS),
          this.#random.pick(['ANY', 'ALL', 'SOME']),
          '(',
          ...inner(),
          ')',
        ];
      case 19:
        return this.#construct(inner);
      case 20:
        return [...inner(), ...this.#random.pick([['AND'], ['OR'], ['AND', 'NOT']]), ...inner()];
      case 21:
        return ['ROW', '(', ...this.#some(inner, 3), ')'];
      case 22:
        return ['tags', '[', ...inner(), ...this.#random.pick([[], [':', '2']]), ']'];
      case 23:
        return [
          ...inner(),
          'OPERATOR',
          '(',
          'pg_catalog',
          '.',
          this.#dangerous() ? '<~~>' : '+',
          ')',
          ...inner(),
        ];
      case 24:
        return [...inner(), 'COLLATE', this.#random.pick(['"C"', 'pg_catalog."C"', '"default"'])];
      default:
        return this.#expression(0);
    }
  }

  /** In parentheses where the grammar would not take it otherwise; not always, for it often does. */
  #operand(depth: number): string[] {
    const parts = this.#expression(depth);
    return parts.length > 1 && this.#random.chance(0.8) ? ['(', ...parts, ')'] : parts;
  }

  #construct(inner: () => readonly string[]): string[] {
    return this.#random.pick<() => string[]>([
      () => ['EXTRACT', '(', 'year', 'FROM', ...inner(), ')'],
      () => ['EXTRACT', '(', `'epoch'`, 'FROM', ...inner(), ')'],
      () => ['SUBSTRING', '(', ...inner(), 'FROM', ...inner(), 'FOR', ...inner(), ')'],
      () => ['TRIM', '(', 'BOTH', `'x'`, 'FROM', ...inner(), ')'],
      () => ['POSITION', '(', `'x'`, 'IN', 'name', ')'],
      () => ['OVERLAY', '(', ...inner(), 'PLACING', `'x'`, 'FROM', '1', ')'],
      () => ['(', ...inner(), ')', 'AT', 'TIME', 'ZONE', ...inner()],
      () => ['percentile_cont', '(', '0.5', ')', 'WITHIN', 'GROUP', '(', 'ORDER', 'BY', ...inner(), ')'],
      () => ['JSON_OBJECT', '(', `'a'`, ':', ...inner(), ')'],
      () => ['JSON_VALUE', '(', 'data', ',', `'$.a'`, 'RETURNING', 'text', ')'],
      () => ['XMLELEMENT', '(', 'NAME', this.#random.pick(['x', 'select', 'from']), ',', ...inner(), ')'],
      () => ['XMLFOREST', '(', ...inner(), 'AS', this.#random.pick(['x', 'select', 'from']), ')'],
      () => ['COLLATION', 'FOR', '(', ...inner(), ')'],
      () => [
        '(',
        'now',
        '(',
        ')',
        ',',
        ...inner(),
        ')',
        'OVERLAPS',
        '(',
        'now',
        '(',
        ')',
        ',',
        ...inner(),
        ')',
      ],
      () => ['NORMALIZE', '(', ...inner(), ',', 'NFC', ')'],
      () => ['NOT', '(', ...inner(), ')'],
      () => ['-', '(', ...inner(), ')'],
    ])();
  }
}
