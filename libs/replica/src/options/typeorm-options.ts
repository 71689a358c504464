import type { DataSourceOptions } from 'typeorm';
import type { DatabaseType } from './database-type.js';
import type { NodeCredentials, NodeOptions, RoutingOptions } from './replica-options.js';

/** TypeORM's own options for PostgreSQL. */
export type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>;

/** TypeORM's own options for MySQL and MariaDB. */
export type MysqlOptions = Extract<DataSourceOptions, { type: 'mysql' | 'mariadb' }>;

/** TypeORM's `replication` for MySQL and MariaDB, and the name that `mysql2` has for `selector`. */
type MysqlReplication = Omit<NonNullable<MysqlOptions['replication']>, 'master' | 'slaves'> & {
  readonly master: NodeOptions;
  readonly slaves: NodeOptions[];
  readonly defaultSelector?: NonNullable<MysqlOptions['replication']>['selector'];
};

/** TypeORM's options for a type of database. What this library says in another way is left out. */
type TypeOrmOptions<Database extends DatabaseType> = Database extends 'postgres'
  ? Omit<Partial<PostgresOptions>, 'type' | 'driver'>
  : Omit<Partial<MysqlOptions>, 'type' | 'driver' | 'replication' | 'password'> &
      Pick<NodeCredentials, 'password'> & { readonly replication?: MysqlReplication };

/**
 * Options of a replicated data source: TypeORM's own for its type of database (entities, migrations, logging, poolSize, ...) and
 * what this library adds. TypeORM's `replication` is accepted as it stands. `Database`: `'mysql'`, `'mariadb'` or, by default,
 * `'postgres'`.
 */
export type ReplicaDataSourceOptions<
  Context = unknown,
  Database extends DatabaseType = 'postgres',
> = Database extends DatabaseType
  ? TypeOrmOptions<Database> & RoutingOptions<Context> & { readonly type: Database }
  : never;

/** The options of any type, to be read before anybody has checked which of them belong to the type. */
export type OptionsOfAnyType<Context = unknown> = Omit<TypeOrmOptions<'postgres'>, 'replication'> &
  Omit<TypeOrmOptions<'mysql'>, 'replication'> &
  RoutingOptions<Context> & {
    readonly type: DatabaseType;
    readonly replication?: MysqlReplication;
  };
