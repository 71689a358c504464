import type {
  FallbackLimit,
  MonitorOptions,
  NodeOptions,
  PoolLevels,
  PostgresOptions,
  RetryOptions,
  RoutingOptions,
  SessionOptions,
  StickyOptions,
} from './replica-options.js';

/** The compiler checks that no key is missing here. */
type Keys<T> = { readonly [K in keyof Required<T>]: true };

const ROUTING: Keys<RoutingOptions> = {
  name: true,
  primary: true,
  replicas: true,
  discovery: true,
  drainTimeoutMs: true,
  enabled: true,
  defaultReadPreference: true,
  defaultConsistency: true,
  maxStalenessMs: true,
  maxLagMs: true,
  onBehind: true,
  catchUpTimeoutMs: true,
  warnLagMs: true,
  minServing: true,
  hardMaxLagMs: true,
  fallback: true,
  balancer: true,
  region: true,
  pool: true,
  retries: true,
  primaryWaitMs: true,
  startWithoutPrimary: true,
  tables: true,
  route: true,
  session: true,
  sticky: true,
  monitor: true,
  lanes: true,
  prepare: true,
  prepareAfter: true,
};

const SESSION: Keys<SessionOptions> = {
  key: true,
  store: true,
  token: true,
  secrets: true,
  ttlMs: true,
  timeoutMs: true,
};
const STICKY: Keys<StickyOptions> = { mode: true, windowMs: true };
const MONITOR: Keys<MonitorOptions> = {
  intervalMs: true,
  probeTimeoutMs: true,
  catchUpIntervalMs: true,
  suspectIntervalMs: true,
  maxIntervalMs: true,
  flapWindowMs: true,
  probe: true,
};

const FALLBACK: Keys<FallbackLimit> = { maxConcurrent: true, queueTimeoutMs: true };
const RETRIES: Keys<RetryOptions> = { ratio: true, minPerSecond: true };
const POOL: Keys<PoolLevels> = {
  size: true,
  idleTimeoutMs: true,
  connectTimeoutMs: true,
  maxLifetimeMs: true,
  statementTimeoutMs: true,
  applicationName: true,
  primary: true,
  replica: true,
};

const NODE: Keys<NodeOptions> = {
  name: true,
  weight: true,
  region: true,
  tags: true,
  pool: true,
  servername: true,
  url: true,
  host: true,
  port: true,
  username: true,
  password: true,
  database: true,
  ssl: true,
  applicationName: true,
};

/** Of TypeORM; all of them are in 0.3 as in 1.x. */
const TYPEORM: Keys<Omit<PostgresOptions, 'driver'>> = {
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

/** Options of `@nestjs/typeorm` that pass through here. */
export const NEST_TYPEORM_KEYS: readonly string[] = [
  'autoLoadEntities',
  'retryAttempts',
  'retryDelay',
  'toRetry',
  'verboseRetryLog',
  'manualInitialization',
];

/** Options that TypeORM or `@nestjs/typeorm` once had, or has for other databases, and what to do instead. */
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

/** The option keys that are known, by where they may stand. */
export const KNOWN_KEYS = {
  top: [...Object.keys(ROUTING), ...Object.keys(TYPEORM), ...NEST_TYPEORM_KEYS],
  session: Object.keys(SESSION),
  sticky: Object.keys(STICKY),
  monitor: Object.keys(MONITOR),
  fallback: Object.keys(FALLBACK),
  retries: Object.keys(RETRIES),
  pool: Object.keys(POOL),
  poolOfRole: Object.keys(POOL).filter((key) => key !== 'primary' && key !== 'replica'),
  node: Object.keys(NODE),
  replication: ['master', 'slaves', 'defaultMode'],
} as const;

/** Keys that are this library's alone and must not reach TypeORM. */
export const ROUTING_KEYS: readonly string[] = Object.keys(ROUTING);
