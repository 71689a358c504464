import {
  FIXED_EFFECTS,
  HARMLESS_OF_EXTENSIONS,
  HARMLESS_VOLATILE,
  NODE_RELATIONS,
  NODE_STATISTICS,
} from './built-in-functions.js';
import { Effect } from './effect.js';
import { literals } from './sql-literals.js';

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
  String.raw`\m(?:${SESSION_FUNCTIONS})\M`,
  String.raw`(?:^|;|\m(?:begin|then|else|loop))\s*(?:set\s+(?!local\M|transaction\M|constraints\M)|listen\M|prepare\M|load\M)`,
  String.raw`\mcreate\s+(?:or\s+replace\s+)?(?:local\s+|global\s+)?temp(?:orary)?\M`,
].join('|');

/**
 * In the body of a function that is not volatile: what can call anything without its name being in the body. `EXECUTE` runs a
 * text, and `U&"..."` spells a name by its characters' numbers.
 */
const UNREADABLE_BODY = String.raw`\mexecute\M|u&"`;

/** Pseudo-types whose functions no query can call. */
const NOT_CALLABLE =
  "'trigger', 'event_trigger', 'language_handler', 'fdw_handler', 'index_am_handler', 'table_am_handler', 'tsm_handler', 'internal'";

/**
 * What has an effect of its own, as queries of a WITH list: `functions` and `relations`, of which `built_in` are the built-in
 * ones; `callable`: all functions that a query can call; `body`: functions of the user's whose bodies are plain texts. They
 * name `words` of {@link EFFECT_EDGES}.
 */
export const OWN_EFFECTS = `
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
