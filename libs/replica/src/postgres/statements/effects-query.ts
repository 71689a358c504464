import { Effect } from '../../execution/statements/effects.js';
import { literals, EFFECT_EDGES, IMPLIED_OPERATORS } from './effect-edges.js';
import {
  FIXED_EFFECTS,
  HARMLESS_OF_EXTENSIONS,
  HARMLESS_VOLATILE,
  NODE_RELATIONS,
  NODE_STATISTICS,
} from './effects.js';

const FIXED_VALUES = [...FIXED_EFFECTS].map(([name, effects]) => `('${name}', ${effects})`).join(', ');

const EXTENSION_VALUES = Object.entries(HARMLESS_OF_EXTENSIONS)
  .flatMap(([extension, functions]) => functions.map((name) => `('${extension}', '${name}')`))
  .join(', ');

const SESSION_FUNCTIONS = [...FIXED_EFFECTS]
  .filter(([, effects]) => (effects & Effect.changesConnection) !== 0)
  .map(([name]) => name)
  .join('|');

/** Matches what leaves state on the connection, in the body of a function. */
const SESSION_BODY = [
  String.raw`\m(?:${SESSION_FUNCTIONS})\M`,
  String.raw`(?:^|;|\m(?:begin|then|else|loop))\s*(?:set\s+(?!local\M|transaction\M|constraints\M)|listen\M|prepare\M|load\M)`,
  String.raw`\mcreate\s+(?:or\s+replace\s+)?(?:local\s+|global\s+)?temp(?:orary)?\M`,
].join('|');

/**
 * Matches what can call a function that the body does not name, in a function that is not volatile. `EXECUTE` runs a text, and
 * `U&"..."` spells a name by the code points of its characters.
 */
const UNREADABLE_BODY = String.raw`\mexecute\M|u&"`;

const NOT_CALLABLE =
  "'trigger', 'event_trigger', 'language_handler', 'fdw_handler', 'index_am_handler', 'table_am_handler', 'tsm_handler', 'internal'";

/**
 * The objects that have effects of their own, as queries of a WITH list. They use `words` of {@link EFFECT_EDGES}.
 *
 * - `functions`, `relations`: the objects with effects; `built_in`: the built-in ones among them
 * - `callable`: all functions that a query can call
 * - `body`: the user's functions with plain-text bodies
 */
const OWN_EFFECTS = `
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
  select oid, ${Effect.writes}, true from body where provolatile <> 'v' and prosrc ~* $re$${UNREADABLE_BODY}$re$
  union
  select b.oid, ${Effect.readsTables}, true from body b
  where b.provolatile <> 'v' and b.prosrc ~* $re$\\m(?:from|table)\\M$re$
    and (strpos(b.prosrc, '"') > 0 or octet_length(b.prosrc) <> length(b.prosrc) or b.oid in (
      select w.oid from words w join pg_catalog.pg_class c on lower(c.relname) = w.word
      where c.oid >= 16384 and c.relkind in ('r', 'v', 'm', 'f', 'p')))
  union
  select d.objid, ${Effect.readsTables}, true from pg_catalog.pg_depend d join pg_catalog.pg_class c on c.oid = d.refobjid
  where d.classid = 'pg_proc'::regclass and d.refclassid = 'pg_class'::regclass and c.relkind in ('r', 'v', 'm', 'f', 'p')
  union
  select oid, ${Effect.writes}, true from callable
  where is_own and provolatile <> 'v' and prokind <> 'a' and lanname not in ('sql', 'plpgsql', 'c', 'internal')
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
)`;

/**
 * Finds everything that has an effect: rows of `kind`, `name`, `effects` (bits of {@link Effect}). Kinds:
 *
 * - `function`, `operator`
 * - `attribute`: a function that can be called with a single composite argument
 * - `relation`: reading it has the effect; naming it elsewhere does not
 * - `mention`: a type that may have the effect wherever a text names it
 * - `cast`: a table whose row type has the effect when a text converts something to it
 * - `any`: an implicit cast between built-in types, or a comparison of such types. Any text may use it. The name describes it.
 *
 * The query begins with the objects that have effects of their own. It then follows the dependencies that PostgreSQL records (manual,
 * 51.18 pg_depend): from a function to the operators, casts, aggregates, types, views, policies, domains, index expressions and
 * functions that use it, and so on. PostgreSQL records no dependencies on built-in objects, so the query searches the stored
 * expressions for them.
 *
 * A stable function may call a volatile one. So the query searches plain-text bodies (languages sql and plpgsql) for the names of
 * functions, relations and types, and for operators. A body that can call what it does not name counts as writing. So does a body in
 * any other language, except that the query trusts the label of functions in C.
 *
 * A cast between built-in types concerns every text only if it is implicit. Any other cast concerns texts that name its target type, and
 * an assignment cast also concerns functions with bodies. A comparison of a user's type concerns whatever has that type.
 *
 * The query cannot see remote objects behind foreign tables.
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
