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
