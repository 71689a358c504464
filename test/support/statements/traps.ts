/**
 * Objects that have an effect without showing it: what uses them must not be called a read. Needs the schema of `schema.ts`.
 * Everything takes an advisory lock where it can, since a standby does not refuse that.
 */
export const TRAPS = `
create function volatile_fn(int) returns int language sql volatile as 'select $1';
create function locks(int) returns int language plpgsql volatile as $$ begin perform pg_advisory_lock($1); return $1; end $$;
create function calm(int) returns int language sql immutable as 'select $1 + 1';
create function steady(int) returns int language plpgsql stable as $$ begin return calm($1); end $$;

-- Overloads: one is harmless, the other is not.
create function mixed(int) returns int language sql immutable as 'select 1';
create function mixed(text) returns int language sql volatile as 'select 2';
create schema other;
create function other.reverse(int) returns int language sql volatile as 'select 1';

-- The label says stable, the body does not.
create function sly(int) returns int language sql stable as 'select locks($1)';
create function sly_nested(int) returns int language plpgsql stable as $$ begin return sly($1); end $$;
create function sly_builtin(int) returns boolean language sql stable as 'select pg_try_advisory_lock($1)';
create function sly_atomic(int) returns boolean language sql stable begin atomic select pg_try_advisory_lock($1); end;
create function sly_dynamic(text) returns void language plpgsql stable as $$ begin execute $1; end $$;
create function sly_default(x int default locks(1)) returns int language sql immutable as 'select $1';
create function sets_path() returns void language plpgsql as $$ begin set search_path to public; end $$;

-- The body names it in a way of its own.
create function "Locks"(int) returns int language plpgsql volatile as $$ begin perform pg_advisory_lock($1); return $1; end $$;
create function "locks it"(int) returns int language plpgsql volatile as $$ begin perform pg_advisory_lock($1); return $1; end $$;
create function "say ""lock"" it"(int) returns int language plpgsql volatile
  as $$ begin perform pg_advisory_lock($1); return $1; end $$;
create function schließen(int) returns int language plpgsql volatile as $$ begin perform pg_advisory_lock($1); return $1; end $$;
create function locks_by_a_name_that_is_as_long_as_a_name_can_be_in_this_server(int) returns int language plpgsql volatile
  as $$ begin perform pg_advisory_lock($1); return $1; end $$;
create function sly_camel(int) returns int language sql stable as 'select "Locks"($1)';
create function sly_blank(int) returns int language sql stable as 'select "locks it"($1)';
create function sly_doubled(int) returns int language sql stable as 'select "say ""lock"" it"($1)';
create function sly_umlaut(int) returns int language sql stable as 'select schließen($1)';
create function sly_upper(int) returns int language sql stable as 'SELECT LOCKS($1)';
create function sly_long(int) returns int language sql stable
  as 'select locks_by_a_name_that_is_as_long_as_a_name_can_be_in_this_server_and_longer($1)';
create function sly_escaped(int) returns int language sql immutable as 'select U&"\\006cocks"($1)';
create function sly_uescape(int) returns int language plpgsql stable as $$ begin return u&"!006cocks" UESCAPE '!' ($1); end $$;
create function sly_quoting(text) returns void language plpgsql stable as $a$ begin execute $b$ select locks(1) $b$; end $a$;
create function sly_table(int) returns bigint language plpgsql stable as 'begin return count(*) from "Guarded"; end';

create operator <!> (function = locks, rightarg = int);
create operator <!!> (function = pg_try_advisory_lock, leftarg = int, rightarg = int);
create operator <+> (function = int4pl, leftarg = int, rightarg = int);

create function sly_operator(int) returns int language sql stable as 'select <!>$1';
create function sly_operator_by_name(int) returns int language sql stable as 'select operator(public.<!>) $1';

create view locking_view as select id, locks(id) from category;
create view nested_view as select id from locking_view;
create view builtin_view as select pg_try_advisory_lock(1) as locked;
create view operator_view as select <!> 1 as x;
create view sly_view as select sly_nested(id) from category;
create view calm_view as select calm(id) as id from category;
create materialized view stored_view as select id, locks(id) as x from category;
create view over_stored_view as select x from stored_view;
create view node_view as select pid from pg_stat_activity;

create function locks_sum(int, int) returns int language sql as 'select locks($2) + $1';
create aggregate locking_sum(int) (sfunc = locks_sum, stype = int, initcond = '0');
create aggregate calm_sum(int) (sfunc = int4pl, stype = int, initcond = '0');

create function looks_good(text) returns boolean language plpgsql as $$ begin perform pg_advisory_lock(7); return true; end $$;
create domain checked as text check (looks_good(value));
create domain twice_checked as checked;
create function sly_cast() returns text language sql stable as $$ select 'x'::checked::text $$;
create function sly_variable() returns text language plpgsql stable as $$ declare x checked := 'x'; begin return x; end $$;
create function sly_argument(x checked) returns text language sql immutable as $$ select 'x' $$;
create type checked_pair as (a int, b checked);
create function takes_pair(checked_pair) returns int language sql immutable as 'select 1';
create table with_checked (id int, c checked);
create function sly_column() returns text language plpgsql stable as $$ declare x with_checked.c%type := 'x'; begin return x; end $$;

create type point_pair as (a int, b int);
create function pair_to_text(point_pair) returns text language plpgsql as $$ begin perform pg_advisory_lock(9); return ''; end $$;
create cast (point_pair as text) with function pair_to_text(point_pair) as implicit;
create table has_pairs (p point_pair);

create function price_of(product) returns int language plpgsql as $$ begin perform pg_advisory_lock(3); return 1; end $$;
create function label_of(product) returns text language sql immutable as 'select $1.name';

create table guarded (id int, owner text);
alter table guarded enable row level security;
create policy own on guarded using (locks(id) > 0);
create table "Guarded" (id int);
alter table "Guarded" enable row level security;
create policy own on "Guarded" using (locks(id) > 0);
create table guarded_builtin (id int);
alter table guarded_builtin enable row level security;
create policy own on guarded_builtin using (pg_try_advisory_lock(id));
create table tenants (id int, owner text);
alter table tenants enable row level security;
create policy own on tenants using (owner = current_setting('app.tenant', true));

create unlogged table scratch (id int);
create table family (id int);
create unlogged table offspring () inherits (family);

-- A sequence, a table and a view that bear the names of everyday columns.
create sequence status;
create unlogged table note (id int);
create view label as select locks(1) as id;

-- Comparisons of a type of its own, by functions that nobody marked.
create type weight as (kilograms int);
create function weight_eq(weight, weight) returns boolean language plpgsql
  as $$ begin perform pg_advisory_lock(8); return true; end $$;
create operator = (function = weight_eq, leftarg = weight, rightarg = weight);
create table parcel (id int, heavy weight);
create function heaviest() returns weight language sql stable as 'select null::weight';

-- Planned with every query of the table.
create function sly_index(int) returns int language plpgsql immutable as $$ begin return public.locks($1); end $$;
create table indexed (id int);
create index on indexed ((sly_index(1)));

-- Casts between built-in types that are not implicit.
create function to_lseg(text) returns lseg language plpgsql as $$ begin perform pg_advisory_lock(5); return null; end $$;
create cast (text as lseg) with function to_lseg(text);
create domain segment as lseg;
create table with_lseg (id int, l lseg);
create function sly_lseg(text) returns int language sql stable as 'select case when $1::lseg is null then 1 end';
`;

/** None of these is a read, once the catalog is known. */
export const TRAPPED: readonly string[] = [
  'SELECT volatile_fn(1)',
  'SELECT "volatile_fn" (1)',
  'SELECT * FROM volatile_fn(1)',
  'SELECT public.volatile_fn(1)',
  'SELECT locks(1)',
  'SELECT mixed(1)',
  `SELECT reverse('abc')`,
  'SELECT sly(1)',
  'SELECT sly_nested(1)',
  'SELECT sly_builtin(1)',
  'SELECT sly_atomic(1)',
  `SELECT sly_dynamic('SELECT 1')`,
  'SELECT sly_default()',
  'SELECT sets_path()',
  'SELECT sly_camel(1)',
  'SELECT sly_blank(1)',
  'SELECT sly_doubled(1)',
  'SELECT sly_umlaut(1)',
  'SELECT sly_upper(1)',
  'SELECT sly_long(1)',
  'SELECT sly_escaped(1)',
  'SELECT sly_uescape(1)',
  `SELECT sly_quoting('')`,
  'SELECT sly_table(1)',
  'SELECT sly_operator(1)',
  'SELECT sly_operator_by_name(1)',
  'SELECT sly_cast()',
  'SELECT sly_variable()',
  `SELECT sly_argument('x')`,
  'SELECT sly_column()',
  'SELECT sly_lseg(name) FROM product',
  'SELECT <!> 1',
  'SELECT 1 <!!> 2',
  'SELECT 1 OPERATOR(public.<!!>) 2',
  'SELECT * FROM locking_view',
  'SELECT id FROM "nested_view" "n"',
  'TABLE nested_view',
  'SELECT * FROM product, LATERAL (SELECT * FROM public.nested_view) x',
  'SELECT * FROM builtin_view',
  'SELECT * FROM operator_view',
  'SELECT * FROM sly_view',
  'SELECT * FROM node_view',
  'SELECT locking_sum(id) FROM category',
  `SELECT 'x'::checked`,
  `SELECT CAST('x' AS checked)`,
  `SELECT checked 'x'`,
  `SELECT '{x}'::twice_checked[]`,
  `SELECT '(1,x)'::checked_pair`,
  `SELECT takes_pair(ROW(1, 'x'))`,
  `SELECT '(1,x)'::with_checked`,
  `SELECT CAST('(1,x)' AS public.with_checked)`,
  `SELECT * FROM json_populate_record(NULL::with_checked, '{"c": "x"}')`,
  `SELECT * FROM json_to_record('{"a": "x"}') AS t(a checked)`,
  `SELECT length('(1,2)'::point_pair)`,
  'SELECT length(p) FROM has_pairs',
  'SELECT p.price_of FROM product p',
  'SELECT (p).price_of FROM product p',
  'SELECT "p"."price_of" FROM "product" "p"',
  'SELECT * FROM guarded',
  'SELECT * FROM guarded_builtin',
  'SELECT * FROM scratch',
  'SELECT * FROM family',
  'SELECT last_value FROM counter',
  `SELECT last_value FROM "child_id_seq"`,
  `SELECT record_in('(1,x)', 'with_checked'::regtype, -1)`,
  `SELECT array_in('{x}', 'checked'::regtype, -1)`,
  `SELECT * FROM json_to_record('{"a": {"c": "x"}}') AS t(a with_checked)`,
  `SELECT * FROM json_table('[{"a": "x"}]', '$[*]' COLUMNS (a checked PATH '$.a'))`,
  'SELECT last_value FROM status',
  'SELECT * FROM public.status',
  'SELECT status FROM "status"',
  'SELECT "status".* FROM product, status',
  'SELECT 1 FROM product CROSS JOIN ONLY (note)',
  'SELECT 1 FROM (product JOIN note ON true)',
  'SELECT 1 FROM product WHERE EXISTS (TABLE note)',
  'SELECT ARRAY(SELECT id FROM note)',
  'SELECT 1 UNION ALL TABLE note',
  'WITH label AS (SELECT * FROM label) SELECT * FROM label',
  'WITH RECURSIVE x AS (SELECT id FROM note UNION SELECT id FROM x) TABLE x',
  'SELECT (SELECT (SELECT l.id FROM label l LIMIT 1))',
  'SELECT 1 FROM product p, LATERAL (SELECT * FROM note WHERE note.id = p.order) n',
  'SELECT 1 FROM note AS product',
  'SELECT id FROM parcel WHERE heavy = $1',
  `SELECT '(1)'::weight = '(2)'`,
  `SELECT ('(1,"(1)")'::parcel).heavy IN ('(1)')`,
  'SELECT heaviest() = heaviest()',
  'SELECT * FROM indexed',
  'SELECT $1::text::lseg',
  `SELECT CAST('x'::text AS pg_catalog.lseg)`,
  `SELECT 'x'::text::segment`,
  `SELECT ROW(1, 'x'::text)::with_lseg`,
  `SELECT ARRAY['x'::text]::lseg[]`,
  `SELECT lseg('x'::text)`,
  'COPY note TO STDOUT',
  'COPY public.guarded (id) TO STDOUT',
  'COPY (SELECT * FROM locking_view) TO STDOUT',
  'COPY (SELECT sly(1)) TO STDOUT',
  'COPY unheard_of TO STDOUT',
  'SELECT unheard_of(1)',
  'SELECT * FROM unheard_of',
  'SELECT 1 <~~~> 2',
  'SELECT * FROM category JOIN unheard_of ON true',
  'SELECT * FROM category c, (SELECT * FROM unheard_of) d',
];

/** These look like them and are reads. */
export const HARMLESS_BESIDE_TRAPS: readonly string[] = [
  'SELECT calm(1), steady(2)',
  'SELECT status FROM "order" WHERE status = $1 ORDER BY status',
  'SELECT o.status AS note, "o"."status" "label" FROM "order" "o"',
  'SELECT note FROM child WHERE child.note IS NOT NULL GROUP BY note',
  'SELECT 1 AS status, 2 AS note, 3 label',
  'WITH status AS (SELECT 1 AS note) SELECT note FROM status',
  'SELECT note.id FROM product note',
  'SELECT x.status FROM (SELECT status FROM "order") AS x(status)',
  'SELECT count(*) FROM "order" JOIN child USING (id) GROUP BY note ORDER BY note',
  'SELECT id FROM with_lseg WHERE l IS NULL',
  `SELECT calm("order"::int) FROM product WHERE name = 'x'`,
  'SELECT 1 <+> 2',
  'SELECT * FROM calm_view',
  'SELECT * FROM stored_view',
  'SELECT * FROM over_stored_view',
  'SELECT calm_sum(id) FROM category',
  'SELECT c FROM with_checked',
  'SELECT "with_checked"."id" AS "with_checked_id" FROM "with_checked" "with_checked"',
  'SELECT p.label_of FROM product p',
  'SELECT * FROM tenants',
  'WITH unheard_of AS (SELECT 1 AS id) SELECT * FROM unheard_of',
  `SELECT name FROM category WHERE name LIKE '%\\%' ESCAPE '\\'`,
];
