import { BALANCERS, type BalancerFunction, type TagSet } from '../routing/balancer.js';
import type { RouteFunction } from '../routing/route-query.js';
import { CONSISTENCIES, ON_BEHIND, READ_PREFERENCES } from '../routing/route.js';
import { parseTableName } from '../routing/table-name.js';
import type { SessionStore } from '../session/session-store.js';
import { MYSQL, type DatabaseFamily } from './database-type.js';
import { problemOfHost, problemOfUrl } from './node-address.js';
import {
  callback,
  checked,
  defaultsOf,
  duration,
  flag,
  group,
  label,
  number,
  objectWith,
  oneOf,
  text,
  unchecked,
  whole,
  type TableOf,
} from './option.js';
import { describe, type OptionProblems } from './option-problems.js';
import type {
  FallbackLimit,
  MonitorOptions,
  NodeOptions,
  PoolLevels,
  PoolOptions,
  ReplicaDiscovery,
  RetryOptions,
  RoutingOptions,
  SessionKey,
  SessionOptions,
  StickyOptions,
  TokenCarrier,
} from './replica-options.js';
import { NEST_TYPEORM_KEYS, typeOrmKeysOf } from './typeorm-keys.js';

/*
 * Every option of this library, once: which values it takes and what holds when none is given. What it means stands at its
 * type, in replica-options.ts; the compiler checks that each of these types has exactly the options of its table. From
 * both comes the table in docs/options.md (`npm run docs:options`).
 */

const POOL = {
  size: whole({ min: 1, derived: "TypeORM's `poolSize`, else 10" }),
  idleTimeoutMs: duration({ min: 0, derived: '10,000 (MySQL and MariaDB: 60,000)' }),
  connectTimeoutMs: duration({
    min: 1,
    derived:
      "TypeORM's `connectTimeoutMS` (MySQL and MariaDB: `acquireTimeout`, `connectTimeout`), else 10,000",
  }),
  maxLifetimeMs: duration({ min: 1_000, derived: 'never' }),
  checkAfterIdleMs: duration({ min: 0, default: 30_000, only: MYSQL }),
  statementTimeoutMs: duration({ min: 1, derived: "the server's" }),
  applicationName: text({ derived: "TypeORM's `applicationName`" }),
} satisfies TableOf<PoolOptions>;

const POOL_LEVELS = {
  ...POOL,
  primary: group<PoolOptions>(POOL),
  replica: group<PoolOptions>(POOL),
} satisfies TableOf<PoolLevels>;

/** The options of one node. What TypeORM has, too, is not checked any further than an error must not repeat it. */
export const NODE = {
  name: checked('text', checkNodeName, { derived: "`'primary'`, and a replica's address" }),
  url: checked('text', (problems, path, value) =>
    addProblem(problems, path, value === undefined ? undefined : problemOfUrl(value, problems.family)),
  ),
  host: checked('text', (problems, path, value) =>
    addProblem(problems, path, value === undefined ? undefined : problemOfHost(value)),
  ),
  port: checked('whole number', checkPort),
  weight: number({ min: 0, default: 1 }),
  region: label({}),
  tags: checked<TagSet>('object', (problems, path, value) => problems.tags(path, value)),
  pool: group<PoolOptions>(POOL),
  servername: text({}),
  username: unchecked(),
  password: checked('text', checkPassword),
  database: unchecked(),
  ssl: unchecked(),
  applicationName: unchecked(),
  servers: oneOf(['one', 'many'], { default: 'one' }),
  socketPath: text({ only: MYSQL }),
  poolSize: whole({ min: 1, only: MYSQL }),
} satisfies TableOf<NodeOptions>;

const SESSION = {
  key: callback<SessionKey<never>>(`fromCookie('sid')`),
  store: objectWith<SessionStore>(
    ['load', 'save'],
    'have the methods load and save',
    'a `MemorySessionStore`',
  ),
  token: objectWith<TokenCarrier<never>>(
    ['read', 'write'],
    'be cookieToken(), headerToken() or have the methods read and write',
  ),
  secrets: checked('list of texts', checkSecrets, { default: [] as readonly string[] }),
  timeoutMs: duration({ min: 1, default: 250 }),
  ttlMs: duration({ min: 1, default: 30_000 }),
} satisfies TableOf<SessionOptions<never>>;

const STICKY = {
  mode: oneOf(['position', 'time'], { default: 'position' }),
  windowMs: duration({ min: 1, default: 2_000 }),
} satisfies TableOf<StickyOptions>;

const MONITOR = {
  intervalMs: duration({ min: 10, default: 1_000 }),
  probeTimeoutMs: duration({ min: 10, default: 750 }),
  catchUpIntervalMs: duration({ min: 1, default: 20 }),
  suspectIntervalMs: duration({ min: 10, default: 100 }),
  maxIntervalMs: duration({ min: 10, derived: 'twice `intervalMs`' }),
  flapWindowMs: duration({ min: 0, default: 30_000 }),
  probe: callback("({ query }) => query('SELECT 1')"),
} satisfies TableOf<MonitorOptions>;

const FALLBACK = {
  maxConcurrent: whole({ min: 1, required: 'give how many reads at once the primary may take over' }),
  queueTimeoutMs: duration({ min: 0, default: 1_000 }),
} satisfies TableOf<FallbackLimit>;

const RETRIES = {
  ratio: checked<number, { default: number }>('number from 0 to 1', checkShare, { default: 0.2 }),
  minPerSecond: number({ min: 0, default: 10 }),
} satisfies TableOf<RetryOptions>;

/** All options that this library adds to TypeORM's. */
export const ROUTING = {
  name: text({ default: 'default' }),
  primary: unchecked<NodeOptions>('node'),
  replicas: unchecked<readonly NodeOptions[]>('list of nodes'),
  discovery: objectWith<ReplicaDiscovery>(
    ['find'],
    'be discoverReplicas(), dnsReplicas() or have the method find',
  ),
  drainTimeoutMs: duration({ min: 0, default: 30_000 }),
  enabled: flag({ default: true }),
  defaultReadPreference: oneOf(READ_PREFERENCES, { default: 'replica' }),
  defaultConsistency: oneOf(CONSISTENCIES, { default: 'session' }),
  maxStalenessMs: duration({ min: 1, default: 5_000 }),
  maxLagMs: duration({ min: 1, default: 10_000 }),
  warnLagMs: duration({ min: 1, derived: 'half of `maxLagMs`' }),
  minServing: whole({ min: 0, default: 0 }),
  hardMaxLagMs: duration({ min: 1, derived: '`session.ttlMs` minus `monitor.intervalMs`' }),
  onBehind: oneOf(ON_BEHIND, { default: 'primary' }),
  catchUpTimeoutMs: duration({ min: 1, default: 500 }),
  fallback: oneOf(['primary', 'error'], { default: 'primary' }, group<FallbackLimit>(FALLBACK)),
  balancer: oneOf(
    BALANCERS,
    { default: 'least-busy' },
    callback<BalancerFunction>('(nodes) => nodes[0].name'),
  ),
  region: label({}),
  pool: group<PoolLevels>(POOL_LEVELS),
  retries: group<RetryOptions>(RETRIES),
  primaryWaitMs: duration({ min: 0, default: 0 }),
  startWithoutPrimary: flag({ default: false }),
  tables: checked('object', checkTables, { default: {} }),
  route: callback<RouteFunction>('({ tables }) => undefined'),
  session: group<SessionOptions<never>>(SESSION),
  sticky: group<StickyOptions>(STICKY),
  monitor: group<MonitorOptions>(MONITOR),
  lanes: flag({ default: true }),
  prepare: flag({ default: true }),
  prepareAfter: whole({ min: 1, default: 5 }),
  patterns: flag({ default: true }),
} satisfies TableOf<RoutingOptions<never>>;

/** Keys that are this library's alone and must not reach TypeORM. */
export const ROUTING_KEYS: readonly string[] = Object.keys(ROUTING);

/** All keys that may stand at the top. */
export function knownKeysOf(family: DatabaseFamily): readonly string[] {
  return [...ROUTING_KEYS, ...typeOrmKeysOf(family), ...NEST_TYPEORM_KEYS];
}

/** The one place of every default. */
export const DEFAULTS = {
  routing: defaultsOf(ROUTING),
  fallbackLimit: defaultsOf(FALLBACK),
  node: defaultsOf(NODE),
  pool: defaultsOf(POOL),
  retries: defaultsOf(RETRIES),
  sticky: defaultsOf(STICKY),
  session: defaultsOf(SESSION),
  monitor: defaultsOf(MONITOR),
  /** TypeORM's option, which has no default there: to connect, or to wait for a free connection; milliseconds. */
  connectTimeoutMS: 10_000,
};

function addProblem(problems: OptionProblems, path: string, problem: string | undefined): void {
  if (problem !== undefined) problems.add(path, problem);
}

function checkNodeName(problems: OptionProblems, path: string, name: unknown): void {
  if (name !== undefined && (typeof name !== 'string' || !/^[\w.-]{1,64}$/.test(name)))
    problems.add(path, `must be 1 to 64 letters, digits, '.', '_' or '-', not ${describe(name)}`);
}

/** Only `pg` asks a function. */
function checkPassword(problems: OptionProblems, path: string, password: unknown): void {
  if (problems.family === MYSQL && password !== undefined && typeof password !== 'string')
    problems.add(path, `must be a text, not ${describe(password)}`);
}

function checkPort(problems: OptionProblems, path: string, port: unknown): void {
  if (port === undefined || (Number.isInteger(port) && (port as number) > 0 && (port as number) < 65_536))
    return;
  const given = typeof port === 'number' ? 'another one' : describe(port);
  problems.add(path, `must be a whole number from 1 to 65535, not ${given}`);
}

function checkShare(problems: OptionProblems, path: string, value: unknown): void {
  problems.number(path, value, 0);
  if (typeof value === 'number' && value > 1) problems.add(path, `is a share from 0 to 1, not ${value}`);
}

function isLongText(value: unknown): boolean {
  return typeof value === 'string' && value.length >= 32;
}

function checkSecrets(problems: OptionProblems, path: string, secrets: unknown): void {
  if (secrets === undefined) return;
  if (!Array.isArray(secrets) || !secrets.every(isLongText))
    problems.add(path, 'must be a list of texts of at least 32 letters each');
}

/** Whether rules name nodes that exist is checked with the nodes. */
function checkTables(problems: OptionProblems, path: string, tables: unknown): void {
  if (tables === undefined) return;
  if (typeof tables !== 'object' || tables === null || Array.isArray(tables)) {
    problems.add(path, `must be an object such as { accounts: 'primary' }, not ${describe(tables)}`);
    return;
  }
  for (const [table, node] of Object.entries(tables)) {
    if (parseTableName(table) === undefined)
      problems.add(
        path,
        'has a key that is no name of a table: write table or schema.table, with letters as in the catalog',
      );
    else if (typeof node !== 'string')
      problems.add(`${path}.${table}`, `must be a node's name, not ${describe(node)}`);
  }
}
