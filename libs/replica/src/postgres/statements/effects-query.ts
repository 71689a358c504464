import { EFFECT_EDGES, IMPLIED_OPERATORS } from './effect-edges.js';
import { OWN_EFFECTS } from './own-effects.js';
import { literals } from './sql-literals.js';

/**
 * Everything that has an effect: rows of `kind`, `name`, `effects` (bits of {@link Effect}). Kinds:
 *
 * - `function`; `attribute`: a function that one composite argument is enough for; `operator`
 * - `relation`: reading it has the effect; naming it elsewhere has not
 * - `mention`: a type whose values may have the effect wherever it is named
 * - `cast`: a table whose row type has the effect when something is converted to it
 * - `any`: an implicit cast between built-in types, or a comparison of such: any text may use it. The name describes it.
 *
 * It begins with what has an effect of its own and follows the dependencies that PostgreSQL records (manual, 51.18
 * pg_depend): from a function to operators, casts, aggregates, types, views, policies, domains, index expressions and functions
 * that use it, and on. Built-in objects have no dependencies recorded, so uses of those are searched in the stored expressions.
 *
 * In bodies that are plain texts (languages sql and plpgsql) the names of functions, relations and types are searched, and
 * operators, since a stable function may call a volatile one. A body that can call what it does not name is taken for one that writes,
 * and so is one in a language that SQL does not know; of functions in C the label is believed.
 *
 * A cast between built-in types concerns every text only if it is implicit. Another one concerns texts that name the type
 * it converts to, and one for assignments also functions with bodies. A comparison of a user's type concerns what has that type.
 * Not seen: remote objects behind foreign tables.
 */
export const EFFECTS_QUERY = `
with recursive ${OWN_EFFECTS},
${EFFECT_EDGES},
affected(class, oid, effect, is_cast) as (
  (
    select 'pg_proc'::regclass::oid, oid, effect, false from functions
    union
    select 'pg_class'::regclass::oid, oid, effect, false from relations
    union
    select u.class::oid, u.oid, b.effect, false from uses u join built_in b on b.oid = u.used
    union
    select 'pg_operator'::regclass::oid, o.oid, b.effect, false from pg_catalog.pg_operator o
      join built_in b on b.oid = o.oprcode
    union
    select 'pg_cast'::regclass::oid, c.oid, b.effect, false from pg_catalog.pg_cast c join built_in b on b.oid = c.castfunc
    union
    select 'pg_proc'::regclass::oid, a.aggfnoid::oid, b.effect, false
    from (select * from pg_catalog.pg_aggregate where aggfnoid >= 16384 offset 0) a
      join built_in b on b.oid in (a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn,
        a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn)
  )
  union
  select next.class, next.oid, a.effect, next.is_cast
  from affected a
  join edges e on e.class = a.class and e.oid = a.oid
  cross join lateral (
    select
      case when is_row then 'pg_type'::regclass::oid else e.to_class end as class,
      case when is_row then row_type else e.to_oid end as oid,
      e.to_class <> 'pg_proc'::regclass and e.to_class <> 'pg_rewrite'::regclass and e.to_class <> 'pg_policy'::regclass
        and (a.is_cast or (e.class = 'pg_constraint'::regclass and e.to_class = 'pg_type'::regclass)) as is_cast
    from (
      select c.reltype as row_type, a.is_cast and e.to_class = 'pg_class'::regclass and c.relkind <> 'c' as is_row
      from (select) one left join pg_catalog.pg_class c on e.to_class = 'pg_class'::regclass and c.oid = e.to_oid
    ) target
  ) next
)
select 'function' as kind, p.proname::text as name, bit_or(a.effect)::int as effects
  from affected a join pg_catalog.pg_proc p on a.class = 'pg_proc'::regclass and p.oid = a.oid group by p.proname
union all
select 'attribute', p.proname, bit_or(a.effect)::int
  from affected a join pg_catalog.pg_proc p on a.class = 'pg_proc'::regclass and p.oid = a.oid
    join pg_catalog.pg_type t on t.oid = p.proargtypes[0]
    left join pg_catalog.pg_type base on base.oid = t.typbasetype
  where p.pronargs - p.pronargdefaults <= 1 and ('c' in (t.typtype, base.typtype) or t.typtype = 'p')
  group by p.proname
union all
select 'operator', o.oprname, bit_or(a.effect)::int
  from affected a join pg_catalog.pg_operator o on a.class = 'pg_operator'::regclass and o.oid = a.oid
  where o.oid not in (select oid from comparisons where is_of_own_type) group by o.oprname
union all
select case when c.relkind = 'c' then 'mention' else 'relation' end, c.relname, bit_or(a.effect)::int
  from affected a join pg_catalog.pg_class c on a.class = 'pg_class'::regclass and c.oid = a.oid
  where c.relkind in ('r', 'v', 'm', 'f', 'p', 'S', 'c') and c.oid >= 16384 group by 1, 2
union all
select case when c.relkind <> 'c' then 'cast' else 'mention' end, t.typname, bit_or(a.effect)::int
  from affected a join pg_catalog.pg_type t on a.class = 'pg_type'::regclass and t.oid = a.oid
    left join pg_catalog.pg_class c on c.oid = t.typrelid
  group by 1, 2
union all
select case when c.is_row then 'cast' else 'mention' end, c.word, bit_or(a.effect)::int
  from affected a join conversion_names c on a.class = 'pg_cast'::regclass and c.cast_oid = a.oid group by 1, 2
union all
select 'any', format('cast (%s as %s) with function %s', format_type(c.castsource, null), format_type(c.casttarget, null),
    k.castfunc::regproc), bit_or(a.effect)::int
  from affected a join conversions c on a.class = 'pg_cast'::regclass and c.oid = a.oid
    join pg_catalog.pg_cast k on k.oid = c.oid
  where c.is_implicit group by 2
union all
select 'any', format('operator %s (%s, %s) with function %s', o.oprname, format_type(o.oprleft, null),
    format_type(o.oprright, null), o.oprcode), bit_or(a.effect)::int
  from affected a join pg_catalog.pg_operator o on a.class = 'pg_operator'::regclass and o.oid = a.oid
  where o.oprname in (${literals(IMPLIED_OPERATORS)}) and o.oid not in (select oid from comparisons where is_of_own_type)
  group by 2
order by 1, 2, 3`;
