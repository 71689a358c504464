import type { LogSink } from '../engine/operator-log.js';
import { InvalidReplicaOptionsError } from '../errors/invalid-options.error.js';
import { POSTGRES } from '../options/database-type.js';
import { OptionProblems } from '../options/option-problems.js';
import { ROUTING_KEYS } from '../options/option-table.js';
import type { RoutingOptions } from '../options/replica-options.js';
import { problemsOfOptions, resolveOptions, type ResolvedOptions } from '../options/resolve-options.js';
import type { PgPoolConfig } from '../postgres/pg-types.js';

/** Options of a routing pool. What they have in common with those of a data source means the same (docs/options.md). */
export interface RoutingPoolOptions<Context = unknown> extends RoutingOptions<Context> {
  /** The only type of database there is a pool for. May be left out; `replicaOptionsFromEnv()` gives it. */
  readonly type?: 'postgres';
  /**
   * Any options of `pg`'s own pool, for the connections to all nodes, such as `{ allowExitOnIdle: true, types }`. What the options `pool`
   * and `primary` say takes precedence.
   */
  readonly extra?: PgPoolConfig;
  /** Where lines for operators go, such as `console`: which nodes there are, each one that goes out of rotation and why. Default: nowhere. */
  readonly log?: LogSink;
}

const OWN_KEYS = ['type', 'extra', 'log'];

/** Where options of `pg`'s pool and of TypeORM belong here. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  connectionString: 'belongs to a node: give primary: { url }',
  url: 'belongs to a node: give primary: { url }',
  host: 'belongs to a node: give primary: { host }',
  port: 'belongs to a node: give primary: { port }',
  user: 'belongs to a node: give primary: { username }',
  username: 'belongs to a node: give primary: { username }',
  password: 'belongs to a node: give primary: { password }',
  database: 'belongs to a node: give primary: { database }',
  ssl: 'belongs to a node: give primary: { ssl }',
  max: 'is called pool: { size } here',
  poolSize: 'is called pool: { size } here',
  idleTimeoutMillis: 'is called pool: { idleTimeoutMs } here',
  connectionTimeoutMillis: 'is called pool: { connectTimeoutMs } here',
  connectTimeoutMS: 'is called pool: { connectTimeoutMs } here',
  maxLifetimeSeconds: 'is called pool: { maxLifetimeMs } here',
  statement_timeout: 'is called pool: { statementTimeoutMs } here',
  application_name: 'is called pool: { applicationName } here',
  applicationName: 'is called pool: { applicationName } here',
  ...Object.fromEntries(
    [
      'allowExitOnIdle',
      'idle_in_transaction_session_timeout',
      'keepAlive',
      'lock_timeout',
      'maxUses',
      'min',
      'onConnect',
      'options',
      'query_timeout',
      'types',
      'verify',
    ].map((key) => [key, `is an option of pg: give extra: { ${key} }`]),
  ),
};

/** Checks the options and fills in the defaults. Throws one `InvalidReplicaOptionsError` with all mistakes. */
export function resolvePoolOptions<Context>(options: RoutingPoolOptions<Context>): ResolvedOptions<Context> {
  const problems = problemsOfPoolOptions(options);
  if (problems.length > 0) throw new InvalidReplicaOptionsError(problems);
  return resolveOptions({ ...routingOf(options), type: 'postgres' });
}

/** All that {@link resolvePoolOptions} would complain about. */
export function problemsOfPoolOptions(options: RoutingPoolOptions<never>): readonly string[] {
  const problems = new OptionProblems(POSTGRES);
  const known = [...ROUTING_KEYS, ...OWN_KEYS];
  if (!problems.object('', options, [...known, ...Object.keys(ELSEWHERE)])) return problems.list;
  for (const key of Object.keys(options)) {
    const hint = Object.hasOwn(ELSEWHERE, key) && !known.includes(key) ? ELSEWHERE[key] : undefined;
    if (hint !== undefined) problems.add(key, hint);
  }
  const { type, extra, log } = options as RoutingPoolOptions;
  problems.oneOf('type', type, ['postgres']);
  if (extra !== undefined) problems.object('extra', extra, Object.keys(Object(extra) as object));
  if (log !== undefined && !['log', 'warn', 'error'].every((level) => isMethod(log, level)))
    problems.add('log', 'must have the methods log, warn and error, as console has');
  return [...problems.list, ...problemsOfOptions({ ...routingOf(options), type: 'postgres' })];
}

function routingOf<Context>(options: RoutingPoolOptions<Context>): RoutingOptions<Context> {
  const entries = Object.entries(options).filter(([key]) => ROUTING_KEYS.includes(key));
  return Object.fromEntries(entries);
}

function isMethod(target: unknown, name: string): boolean {
  return typeof (Object(target) as Readonly<Record<string, unknown>>)[name] === 'function';
}
