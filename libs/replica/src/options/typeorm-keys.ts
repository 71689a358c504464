import { MYSQL, type DatabaseFamily } from './database-type.js';
import type { MysqlOptions, PostgresOptions } from './typeorm-options.js';

/** Options that TypeORM has for both, the same in 0.3 and 1.x. The compiler checks that none is missing. */
const COMMON: {
  readonly [K in Exclude<keyof PostgresOptions & keyof MysqlOptions, 'driver'>]: true;
} = {
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
  replication: true,
  url: true,
  host: true,
  port: true,
  username: true,
  password: true,
  database: true,
  ssl: true,
};

type OwnKeys<Options> = { readonly [K in Exclude<keyof Options, keyof typeof COMMON | 'driver'>]: true };

const POSTGRES_ONLY: OwnKeys<PostgresOptions> = {
  schema: true,
  nativeDriver: true,
  useUTC: true,
  connectTimeoutMS: true,
  uuidExtension: true,
  poolErrorHandler: true,
  logNotifications: true,
  installExtensions: true,
  parseInt8: true,
  extensions: true,
  applicationName: true,
};

const MYSQL_ONLY: OwnKeys<MysqlOptions> & { readonly connectorPackage: true } = {
  // TypeORM 0.3 alone has it, and can use only `mysql2` here.
  connectorPackage: true,
  socketPath: true,
  charset: true,
  timezone: true,
  connectTimeout: true,
  acquireTimeout: true,
  insecureAuth: true,
  supportBigNumbers: true,
  bigNumberStrings: true,
  dateStrings: true,
  debug: true,
  trace: true,
  multipleStatements: true,
  legacySpatialSupport: true,
  flags: true,
  enableQueryTimeout: true,
};

/** Keys of TypeORM's own options for these databases. */
export function typeOrmKeysOf(family: DatabaseFamily): readonly string[] {
  return Object.keys({ ...COMMON, ...(family === MYSQL ? MYSQL_ONLY : POSTGRES_ONLY) });
}

/** Options of `@nestjs/typeorm`, which pass through here. */
export const NEST_TYPEORM_KEYS: readonly string[] = [
  'autoLoadEntities',
  'retryAttempts',
  'retryDelay',
  'toRetry',
  'verboseRetryLog',
  'manualInitialization',
];

/** What to say of options that TypeORM or `@nestjs/typeorm` used to have, or has for other databases. */
export function hintsOf(family: DatabaseFamily): Readonly<Record<string, string>> {
  return family === MYSQL ? MYSQL_HINTS : POSTGRES_HINTS;
}

const hintForEach = (keys: object, hint: string): Record<string, string> =>
  Object.fromEntries(Object.keys(keys).map((key) => [key, hint]));

/** Options that TypeORM or `@nestjs/typeorm` used to have, or has for other databases, and what to do instead. */
export const REPLACED_OPTIONS: Readonly<Record<string, string>> = {
  cli: 'TypeORM has no such option any more; its command line is told where things go by its own arguments',
  keepConnectionAlive:
    '@nestjs/typeorm has no such option any more, and it has no effect; a test closes its application instead',
  connectionFactory: 'it has no effect; give forRootAsync() a dataSourceFactory',
  dataSourceFactory: 'it has no effect here; give it to forRootAsync()',
  location: 'it belongs to SQLite and sql.js and has no effect',
  autoSave: 'it belongs to sql.js and has no effect',
  entitiesDir: 'it has no effect; give entities',
};

const POSTGRES_HINTS = {
  ...hintForEach(MYSQL_ONLY, 'it belongs to MySQL and has no effect'),
  ...REPLACED_OPTIONS,
  timezone: 'it belongs to MySQL and has no effect; PostgreSQL takes extra: { options: "-c timezone=..." }',
};

const MYSQL_HINTS = {
  ...hintForEach(POSTGRES_ONLY, 'it belongs to PostgreSQL and has no effect'),
  ...REPLACED_OPTIONS,
};
