import type { PostgresOptions } from './replica-options.js';

/** TypeORM's own options, the same in 0.3 and 1.x. The compiler checks that none is missing. */
const TYPEORM: { readonly [K in keyof Required<Omit<PostgresOptions, 'driver'>>]: true } = {
  type: true,
  entities: true,
  subscribers: true,
  isolationLevel: true,
  migrations: true,
  migrationsTableName: true,
  migrationsTransactionMode: true,
  metadataTableName: true,
  namingStrategy: true,
  logging: true,
  logger: true,
  maxQueryExecutionTime: true,
  poolSize: true,
  synchronize: true,
  migrationsRun: true,
  dropSchema: true,
  entityPrefix: true,
  entitySkipConstructor: true,
  extra: true,
  relationLoadStrategy: true,
  typename: true,
  cache: true,
  isolateWhereStatements: true,
  invalidWhereValuesBehavior: true,
  schema: true,
  nativeDriver: true,
  useUTC: true,
  replication: true,
  connectTimeoutMS: true,
  uuidExtension: true,
  poolErrorHandler: true,
  logNotifications: true,
  installExtensions: true,
  parseInt8: true,
  extensions: true,
  url: true,
  host: true,
  port: true,
  username: true,
  password: true,
  database: true,
  ssl: true,
  applicationName: true,
};

/** Keys of TypeORM's own options. */
export const TYPEORM_KEYS: readonly string[] = Object.keys(TYPEORM);

/** Options of `@nestjs/typeorm`, which pass through here. */
export const NEST_TYPEORM_KEYS: readonly string[] = [
  'autoLoadEntities',
  'retryAttempts',
  'retryDelay',
  'toRetry',
  'verboseRetryLog',
  'manualInitialization',
];

/** Options that TypeORM or `@nestjs/typeorm` used to have, or has for other databases, and what to do instead. */
export const REPLACED_OPTIONS: Readonly<Record<string, string>> = {
  cli: 'TypeORM has no such option any more; its command line is told where things go by its own arguments',
  keepConnectionAlive:
    '@nestjs/typeorm has no such option any more, and it has no effect; a test closes its application instead',
  connectionFactory: 'it has no effect; give forRootAsync() a dataSourceFactory',
  dataSourceFactory: 'it has no effect here; give it to forRootAsync()',
  timezone: 'it belongs to MySQL and has no effect; PostgreSQL takes extra: { options: "-c timezone=..." }',
  charset: 'it belongs to MySQL and has no effect',
  location: 'it belongs to SQLite and sql.js and has no effect',
  autoSave: 'it belongs to sql.js and has no effect',
  entitiesDir: 'it has no effect; give entities',
};
