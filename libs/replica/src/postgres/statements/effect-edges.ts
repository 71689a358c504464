/** Formats names as a list of SQL constants. The names must not contain quotes. */
export function literals(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ');
}

/** Matches the first character of an unquoted name, in the server's regular expression syntax. Includes everything beyond ASCII. */
const NAME_START = String.raw`[^\x01-\x40\x5b-\x5e\x60\x7b-\x7f]`;
const NAME_REST = String.raw`[^\x01-\x23\x25-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f]*`;

/** Other words for built-in types (manual, 8 Data Types), by the type's name in the catalog. */
const SPELLINGS: Readonly<Record<string, readonly string[]>> = {
  bool: ['boolean'],
  bpchar: ['character', 'char', 'nchar', 'national'],
  float4: ['real', 'float'],
  float8: ['double', 'float'],
  int2: ['smallint'],
  int4: ['int', 'integer'],
  int8: ['bigint'],
  numeric: ['decimal', 'dec'],
  timestamptz: ['timestamp'],
  timetz: ['time'],
  varbit: ['bit'],
  varchar: ['character', 'char', 'nchar', 'national'],
};

/** Operators behind keywords: IN, BETWEEN, LIKE, SIMILAR TO, USING, DISTINCT, CASE, ORDER BY (manual, 9.2, 9.7, 9.25). */
export const IMPLIED_OPERATORS = ['=', '<>', '<', '<=', '>', '>=', '~', '!~', '~~', '!~~', '~~*', '!~~*'];

const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const LOWER = UPPER.toLowerCase();

const SPELLING_VALUES = Object.entries(SPELLINGS)
  .flatMap(([type, words]) => words.map((word) => `('${type}', '${word}')`))
  .join(', ');

/**
 * Which object uses which, as queries of a WITH list:
 *
 * - `edges`: from each object to the objects that use it
 * - `uses`: uses of built-in objects, for which PostgreSQL records no dependencies
 * - `words`: the names in plain-text function bodies, and everything between double quotes there
 * - `conversions`: casts between built-in types; `conversion_names` has the names by which a text can use one that is not implicit
 * - `comparisons`: the operators behind keywords
 */
export const EFFECT_EDGES = `
trees(class, oid, tree) as (
  select 'pg_rewrite'::regclass, r.oid, r.ev_action::text from pg_catalog.pg_rewrite r
    join pg_catalog.pg_class c on c.oid = r.ev_class where c.oid >= 16384 and c.relkind = 'v'
  union all
  select 'pg_policy'::regclass, oid, polqual::text from pg_catalog.pg_policy where polqual is not null
  union all
  select 'pg_constraint'::regclass, oid, conbin::text from pg_catalog.pg_constraint where contypid <> 0 and oid >= 16384
  union all
  select 'pg_proc'::regclass, oid, coalesce(prosqlbody::text, '') || coalesce(proargdefaults::text, '')
    from callable where is_own and (prosqlbody is not null or proargdefaults is not null)
),
to_text as materialized (
  select oid from pg_catalog.pg_proc where oid < 16384 and proname in ('textanycat', 'anytextcat')
),
uses as (
  select distinct t.class, t.oid, found[1]::oid as used
  from trees t cross join lateral regexp_matches(
    t.tree, ':(?:funcid|opfuncid|aggfnoid|winfnoid|relid) (\\d+)', 'g') as found
),
words as materialized (
  select distinct found.oid, spelled.word::name::text as word
  from (
      select distinct b.oid, match[1] as word
      from body b cross join lateral regexp_matches(b.prosrc, $re$${NAME_START}${NAME_REST}$re$, 'g') as match
      where b.provolatile <> 'v'
    ) found
    cross join lateral (values (found.word), (lower(found.word)), (translate(found.word, '${UPPER}', '${LOWER}'))) spelled(word)
  union
  select b.oid, part::name::text from body b cross join lateral unnest(string_to_array(b.prosrc, '"')) part
    where b.provolatile <> 'v' and strpos(b.prosrc, '"') > 0
),
conversions as materialized (
  select oid, castsource, casttarget, castcontext = 'i' as is_implicit, castcontext <> 'e' as is_assignment
  from pg_catalog.pg_cast where oid >= 16384 and castsource < 16384 and casttarget < 16384 and castfunc <> 0
),
converted(cast_oid, type) as (
  select oid, casttarget from conversions where not is_implicit
  union
  select c.cast_oid, next.type from converted c cross join lateral (
    select t.oid from pg_catalog.pg_type t where t.typbasetype = c.type or (t.typelem = c.type and t.typcategory = 'A')
    union all
    select r.reltype from pg_catalog.pg_attribute a join pg_catalog.pg_class r on r.oid = a.attrelid
    where a.atttypid = c.type and a.attnum > 0 and r.reltype <> 0 and r.oid >= 16384) next(type)
),
conversion_names as materialized (
  select c.cast_oid, t.typname::text as word, r.relkind is not null and r.relkind <> 'c' as is_row
  from converted c join pg_catalog.pg_type t on t.oid = c.type left join pg_catalog.pg_class r on r.oid = t.typrelid
  union
  select c.cast_oid, s.word, false from (values ${SPELLING_VALUES}) s(type, word)
    join pg_catalog.pg_type t on t.typname = s.type and t.oid < 16384 join converted c on c.type = t.oid
),
comparisons as materialized (
  select o.oid, exists (
      select from pg_catalog.pg_type t
      where t.oid in (o.oprleft, o.oprright) and t.oid >= 16384 and not t.typispreferred) as is_of_own_type
  from pg_catalog.pg_operator o where o.oid >= 16384 and o.oprname in (${literals(IMPLIED_OPERATORS)})
),
named(class, oid, name) as (
  select 'pg_proc'::regclass, oid, proname from pg_catalog.pg_proc
  union all
  select 'pg_class'::regclass, oid, relname from pg_catalog.pg_class
  union all
  select 'pg_type'::regclass, oid, typname from pg_catalog.pg_type where oid >= 16384
),
searched(class, oid, name) as materialized (
  select class, oid, replace(name::text, '"', '""') from named where strpos(name::text, '"') > 0
  union all
  select 'pg_operator'::regclass, o.oid, o.oprname::text from pg_catalog.pg_operator o
    where (o.oid >= 16384 or o.oprcode in (select oid from to_text))
      and o.oid not in (select oid from comparisons where is_of_own_type)
),
edges(class, oid, to_class, to_oid) as materialized (
  select d.refclassid, d.refobjid, d.classid, d.objid from pg_catalog.pg_depend d
  where d.refclassid in ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass, 'pg_class'::regclass,
      'pg_rewrite'::regclass, 'pg_policy'::regclass, 'pg_constraint'::regclass, 'pg_cast'::regclass)
    and (d.classid in ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_rewrite'::regclass, 'pg_policy'::regclass,
        'pg_constraint'::regclass)
      or (d.classid = 'pg_type'::regclass and d.refclassid in ('pg_proc'::regclass, 'pg_type'::regclass))
      or (d.classid = 'pg_class'::regclass and d.refclassid in ('pg_proc'::regclass, 'pg_type'::regclass))
      or (d.classid in ('pg_cast'::regclass, 'pg_amproc'::regclass) and d.refclassid = 'pg_proc'::regclass))
  union all
  select 'pg_rewrite'::regclass, r.oid, 'pg_class'::regclass, r.ev_class from pg_catalog.pg_rewrite r
    join pg_catalog.pg_class c on c.oid = r.ev_class where c.relkind = 'v' and c.oid >= 16384
  union all
  select 'pg_policy'::regclass, oid, 'pg_class'::regclass, polrelid from pg_catalog.pg_policy
  union all
  select 'pg_constraint'::regclass, oid, 'pg_type'::regclass, contypid from pg_catalog.pg_constraint
    where contypid <> 0 and oid >= 16384
  union all
  select 'pg_cast'::regclass, c.oid, 'pg_type'::regclass, t.oid from pg_catalog.pg_cast c
    join pg_catalog.pg_type t on t.oid in (c.castsource, c.casttarget)
    where c.oid >= 16384 and t.oid >= 16384
  union all
  select 'pg_amproc'::regclass, a.oid, 'pg_type'::regclass, t.oid from pg_catalog.pg_amproc a
    join pg_catalog.pg_type t on t.oid in (a.amproclefttype, a.amprocrighttype) where a.oid >= 16384 and t.oid >= 16384
  union all
  select 'pg_operator'::regclass, o.oid, 'pg_operator'::regclass, other.oid from pg_catalog.pg_operator o
    join pg_catalog.pg_operator other on o.oid in (other.oprnegate, other.oprcom) where other.oid >= 16384
  union all
  select 'pg_class'::regclass, oid, 'pg_type'::regclass, reltype from pg_catalog.pg_class
    where relkind = 'c' and oid >= 16384
  union all
  select 'pg_class'::regclass, inhrelid, 'pg_class'::regclass, inhparent from pg_catalog.pg_inherits
  union all
  select n.class, n.oid, 'pg_proc'::regclass, w.oid from words w join named n on n.name = w.word
  union all
  select s.class, s.oid, 'pg_proc'::regclass, b.oid from searched s join body b on strpos(b.prosrc, s.name) > 0
    where b.provolatile <> 'v'
  union all
  select 'pg_operator'::regclass, o.oid, 'pg_type'::regclass, t.oid from comparisons c
    join pg_catalog.pg_operator o on o.oid = c.oid
    join pg_catalog.pg_type t on t.oid in (o.oprleft, o.oprright) and t.oid >= 16384
    where c.is_of_own_type
  union all
  select 'pg_type'::regclass, a.atttypid, 'pg_type'::regclass, c.reltype from pg_catalog.pg_attribute a
    join pg_catalog.pg_class c on c.oid = a.attrelid
    where a.atttypid >= 16384 and c.reltype <> 0 and c.relkind <> 'c' and not a.attisdropped
  union all
  select 'pg_cast'::regclass, c.cast_oid, 'pg_proc'::regclass, w.oid from conversion_names c join words w on w.word = c.word
  union all
  select 'pg_cast'::regclass, c.oid, 'pg_proc'::regclass, p.oid from conversions c
    join callable p on p.is_own and p.lanname in ('sql', 'plpgsql') and p.provolatile <> 'v'
    where c.is_assignment
  union all
  select 'pg_cast'::regclass, c.oid, classes.class, classes.oid from conversions c cross join lateral (
    select 'pg_proc'::regclass, oid from to_text
    union all
    select 'pg_operator'::regclass, o.oid from pg_catalog.pg_operator o where o.oprcode in (select oid from to_text)) classes(class, oid)
    where c.casttarget = 'text'::regtype
  union all
  select 'pg_class'::regclass, indexrelid, 'pg_class'::regclass, indrelid from pg_catalog.pg_index where indexrelid >= 16384
  union all
  select 'pg_constraint'::regclass, oid, 'pg_class'::regclass, conrelid from pg_catalog.pg_constraint
    where conrelid <> 0 and contype = 'c' and oid >= 16384
)`;
