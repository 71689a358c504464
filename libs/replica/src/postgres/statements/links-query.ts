/**
 * Gives the links between relations: rows of `kind`, `schema`, `name`, `other_schema`, `other_name`. Kinds:
 *
 * - `reads`: a view, or a table's row-level security policies, read the other relation
 * - `inherits`: the other relation is its parent or its partitioned table
 * - `cascades`: a DELETE or UPDATE of its rows may change rows of the other relation, by a foreign key
 * - `triggers`: a write to it runs a trigger, a rule or the user's function in a default, which may do anything; the other relation is
 *   the same. Functions in C are trusted, because those of extensions change no table
 *
 * A materialized view reads nothing, because it stores its own rows. Needs no privileges beyond PUBLIC's.
 */
export const LINKS_QUERY = `
with links(kind, oid, other) as (
  select 'reads', r.ev_class, d.refobjid from pg_catalog.pg_rewrite r
    join pg_catalog.pg_class v on v.oid = r.ev_class and v.relkind = 'v'
    join pg_catalog.pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
      and d.refclassid = 'pg_class'::regclass
  where r.ev_type = '1' and d.refobjid <> r.ev_class
  union
  select 'reads', p.polrelid, d.refobjid from pg_catalog.pg_policy p
    join pg_catalog.pg_depend d on d.classid = 'pg_policy'::regclass and d.objid = p.oid
      and d.refclassid = 'pg_class'::regclass
  where d.refobjid <> p.polrelid
  union
  select 'inherits', inhrelid, inhparent from pg_catalog.pg_inherits
  union
  select 'cascades', confrelid, conrelid from pg_catalog.pg_constraint
  where contype = 'f' and (confdeltype in ('c', 'n', 'd') or confupdtype in ('c', 'n', 'd'))
  union
  select 'triggers', tgrelid, tgrelid from pg_catalog.pg_trigger where not tgisinternal
  union
  select 'triggers', ev_class, ev_class from pg_catalog.pg_rewrite where ev_type <> '1'
  union
  select 'triggers', a.adrelid, a.adrelid from pg_catalog.pg_attrdef a
    join pg_catalog.pg_depend d on d.classid = 'pg_attrdef'::regclass and d.objid = a.oid
      and d.refclassid = 'pg_proc'::regclass
    join pg_catalog.pg_proc p on p.oid = d.refobjid
    join pg_catalog.pg_language g on g.oid = p.prolang
  where p.provolatile <> 'i' and g.lanname not in ('c', 'internal')
)
select l.kind, n.nspname as schema, c.relname as name, on_.nspname as other_schema, o.relname as other_name
from links l
  join pg_catalog.pg_class c on c.oid = l.oid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_class o on o.oid = l.other
  join pg_catalog.pg_namespace on_ on on_.oid = o.relnamespace
where c.relkind in ('r', 'v', 'm', 'f', 'p') and c.relpersistence <> 't'
  and o.relkind in ('r', 'v', 'm', 'f', 'p') and o.relpersistence <> 't'
order by 1, 2, 3, 4, 5`;
