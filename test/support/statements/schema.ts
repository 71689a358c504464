/** What the statements of the tables and of the generator name. Runs on a fresh database as its owner. */
export const SCHEMA = `
create type mood as enum ('sad', 'ok', 'happy');
create table category (id int primary key, name text, "parentId" int);
create table product (
  id uuid primary key default gen_random_uuid(), name text, price numeric(10, 2), tags text[], data jsonb, mood mood,
  "categoryId" int references category, "createdAt" timestamptz default now(), "deletedAt" timestamptz, "update" int,
  "order" int, period tstzrange, words tsvector, owner text);
create table "order" (id int primary key, "productId" uuid, status varchar(20), total int);
create table child (id serial primary key, note text);
create sequence counter;
create table measurement (id int, at timestamptz, value float8) partition by range (at);
create table measurement_2026 partition of measurement for values from ('2026-01-01') to ('2027-01-01');
insert into category values (1, 'a', null), (2, 'b', 1);
insert into product (name, price, tags, data, mood, "categoryId", "update", "order", period, words, owner)
  select 'product ' || i, i, array['a', 'b'], '{"a": {"b": [1, 2]}}', 'ok', 1 + i % 2, i, i,
    tstzrange(now(), now() + interval '1 day'), to_tsvector('simple', 'product ' || i), 'app' from generate_series(1, 20) i;
insert into "order" select i, null, 'new', i from generate_series(1, 5) i;
insert into child (note) values ('x');
insert into measurement select i, '2026-02-01', i from generate_series(1, 5) i;
`;
