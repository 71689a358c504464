import {
  FIXED_EFFECTS,
  HARMLESS_OF_EXTENSIONS,
  HARMLESS_VOLATILE,
  NODE_RELATIONS,
  NODE_STATISTICS,
} from './built-in-functions.js';
import { Effect } from './effect.js';

/**
 * All names that a query can use: one row with `functions`, `operators` and `relations`, each a JSON array as a text, and
 * `strings`, the setting `standard_conforming_strings` (null where it is gone). Needs no privileges beyond PUBLIC's.
 * Relations of temporary schemas are left out: only the session that made them may use them.
 */
export const NAMES_QUERY = `
select
  current_setting('standard_conforming_strings', true) as strings,
  (select json_agg(distinct proname) from pg_catalog.pg_proc
    where prorettype not in ('trigger'::regtype, 'event_trigger'::regtype))::text as functions,
  (select json_agg(distinct oprname) from pg_catalog.pg_operator)::text as operators,
  (select json_agg(distinct relname) from pg_catalog.pg_class
    where relkind in ('r', 'v', 'm', 'f', 'p', 'S') and relpersistence <> 't')::text as relations`;

function literals(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ');
}

const FIXED_VALUES = [...FIXED_EFFECTS].map(([name, effects]) => `('${name}', ${effects})`).join(', ');

const EXTENSION_VALUES = Object.entries(HARMLESS_OF_EXTENSIONS)
  .flatMap(([extension, functions]) => functions.map((name) => `('${extension}', '${name}')`))
  .join(', ');

const SESSION_FUNCTIONS = [...FIXED_EFFECTS]
  .filter(([, effects]) => (effects & Effect.changesConnection) !== 0)
  .map(([name]) => name)
  .join('|');

/** In the body of a function: what leaves something on the connection. */
const SESSION_BODY = [
  String.raw`\m(?:${SESSION_FUNCTIONS})\s*\(`,
  String.raw`(?:^|;|\m(?:begin|then|else|loop))\s*(?:set\s+(?!local\M|transaction\M|constraints\M)|listen\M|prepare\M|load\M)`,
  String.raw`\mcreate\s+(?:or\s+replace\s+)?(?:local\s+|global\s+)?temp(?:orary)?\M`,
].join('|');

/** Pseudo-types whose functions no query can call. */
const NOT_CALLABLE =
  "'trigger', 'event_trigger', 'language_handler', 'fdw_handler', 'index_am_handler', 'table_am_handler', 'tsm_handler', 'internal'";

/**
 * Everything that has an effect: rows of `kind`, `name`, `effects` (bits of {@link Effect}). Kinds: `function`, `attribute` (a
 * function that one composite argument is enough for), `operator`, `mention` (a relation or type), `cast` (a table whose
 * row type has an effect when something is converted to it) and `any` (a built-in type is concerned, so no text is safe).
 *
 * It begins with what has an effect of its own and follows the dependencies that PostgreSQL records (manual, 51.18
 * pg_depend): from a function to operators, casts, aggregates, types, views, policies, domains and functions that use it, and
 * on. Built-in objects have no dependencies recorded, so uses of those are searched in the stored expressions. In bodies
 * that are plain texts (languages sql and plpgsql) names are searched, since a stable function may call a volatile one, and
 * whether they may read a table; functions in other languages that SQL does not know may.
 * Not seen: what functions in other languages do against their volatility label, and remote objects behind foreign tables.
 */
export const EFFECTS_QUERY = `
with recursive
fixed(name, effect) as (values ${FIXED_VALUES}),
callable as materialized (
  select p.oid, p.proname, p.pronamespace, p.provolatile, p.prokind, p.prosrc, p.prosqlbody, p.proargdefaults, l.lanname,
    p.oid >= 16384 as is_own
  from pg_catalog.pg_proc p join pg_catalog.pg_language l on l.oid = p.prolang
  where p.prorettype <> all (array[${NOT_CALLABLE}]::regtype[])
),
volatile as (
  select c.oid, ${Effect.writes} as effect, c.is_own from callable c
  where c.provolatile = 'v' and c.prokind in ('f', 'w')
    and (c.is_own or (c.proname <> all (array[${literals(HARMLESS_VOLATILE)}]) and c.proname not in (select name from fixed)))
    and not exists (
      select from (values ${EXTENSION_VALUES}) h(extension, name)
        join pg_catalog.pg_extension e on e.extname = h.extension
        join pg_catalog.pg_depend d on d.refclassid = 'pg_extension'::regclass and d.refobjid = e.oid and d.deptype = 'e'
      where h.name = c.proname and d.classid = 'pg_proc'::regclass and d.objid = c.oid)
),
body as materialized (
  select c.oid, c.prosrc, c.lanname, c.provolatile from callable c
  where c.is_own and c.lanname in ('sql', 'plpgsql') and c.prosqlbody is null
),
functions as materialized (
  select oid, effect, is_own from volatile
  union
  select c.oid, f.effect, c.is_own from callable c join fixed f on f.name = c.proname
  union
  select oid, ${Effect.primaryOnly}, is_own from callable where not is_own and proname ~ '${NODE_STATISTICS}'
  union
  select oid, ${Effect.changesConnection}, true from body where prosrc ~* $re$${SESSION_BODY}$re$
  union
  select oid, ${Effect.writes}, true from body where lanname = 'plpgsql' and provolatile <> 'v' and prosrc ~* $re$\\mexecute\\M$re$
  union
  select b.oid, ${Effect.readsTables}, true from body b
  where b.provolatile <> 'v' and b.prosrc ~* $re$\\m(?:from|table)\\M$re$
    and (strpos(b.prosrc, '"') > 0 or octet_length(b.prosrc) <> length(b.prosrc) or exists (
      select from words w join pg_catalog.pg_class c on lower(c.relname) = w.word
      where w.oid = b.oid and c.oid >= 16384 and c.relkind in ('r', 'v', 'm', 'f', 'p')))
  union
  select d.objid, ${Effect.readsTables}, true from pg_catalog.pg_depend d join pg_catalog.pg_class c on c.oid = d.refobjid
  where d.classid = 'pg_proc'::regclass and d.refclassid = 'pg_class'::regclass and c.relkind in ('r', 'v', 'm', 'f', 'p')
  union
  select oid, ${Effect.readsTables}, true from callable
  where is_own and provolatile <> 'v' and lanname not in ('sql', 'plpgsql', 'c', 'internal')
),
relations as (
  select oid, ${Effect.primaryOnly} as effect, oid >= 16384 as is_own from pg_catalog.pg_class
  where (oid >= 16384 and (relkind = 'S' or relpersistence = 'u'))
    or (oid < 16384 and relkind = 'v' and (relname = any (array[${literals(NODE_RELATIONS)}]) or relname ~ '${NODE_STATISTICS}'))
),
built_in as materialized (
  select oid, effect from functions where not is_own
  union all
  select oid, effect from relations where not is_own
),
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
uses as (
  select distinct t.class, t.oid, found[1]::oid as used
  from trees t cross join lateral regexp_matches(
    t.tree, ':(?:funcid|opfuncid|aggfnoid|winfnoid|relid) (\\d+)', 'g') as found
),
words as materialized (
  select distinct b.oid, lower(found[1]) as word
  from body b cross join lateral regexp_matches(b.prosrc, '[[:alpha:]_][[:alnum:]_$]*', 'g') as found
  where b.provolatile <> 'v'
),
edges(class, oid, to_class, to_oid) as materialized (
  select d.refclassid, d.refobjid, d.classid, d.objid from pg_catalog.pg_depend d
  where d.refclassid in ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass, 'pg_class'::regclass,
      'pg_rewrite'::regclass, 'pg_policy'::regclass, 'pg_constraint'::regclass, 'pg_cast'::regclass)
    and (d.classid in ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_rewrite'::regclass, 'pg_policy'::regclass,
        'pg_constraint'::regclass)
      or (d.classid = 'pg_type'::regclass and d.refclassid in ('pg_proc'::regclass, 'pg_type'::regclass))
      or (d.classid = 'pg_class'::regclass and d.refclassid = 'pg_type'::regclass)
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
    where c.oid >= 16384 and (t.oid >= 16384 or (c.castsource < 16384 and c.casttarget < 16384))
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
  select 'pg_proc'::regclass, p.oid, 'pg_proc'::regclass, w.oid from words w
    join pg_catalog.pg_proc p on p.proname = w.word
  union all
  select 'pg_class'::regclass, c.oid, 'pg_proc'::regclass, w.oid from words w
    join pg_catalog.pg_class c on c.relname = w.word
),
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
        and (a.is_cast or e.class = 'pg_constraint'::regclass) as is_cast
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
  from affected a join pg_catalog.pg_operator o on a.class = 'pg_operator'::regclass and o.oid = a.oid group by o.oprname
union all
select 'mention', c.relname, bit_or(a.effect)::int
  from affected a join pg_catalog.pg_class c on a.class = 'pg_class'::regclass and c.oid = a.oid
  where c.relkind in ('r', 'v', 'm', 'f', 'p', 'S', 'c') and c.oid >= 16384 group by c.relname
union all
select case when t.oid < 16384 then 'any' when is_cast and c.relkind <> 'c' then 'cast' else 'mention' end,
    t.typname, bit_or(a.effect)::int
  from affected a join pg_catalog.pg_type t on a.class = 'pg_type'::regclass and t.oid = a.oid
    left join pg_catalog.pg_class c on c.oid = t.typrelid
  group by 1, 2`;
