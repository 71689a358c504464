import { conceal, concealTexts, withoutTexts } from './conceal.js';
import { InvalidReplicaOptionsError } from '../errors/invalid-options.error.js';
import { checkOptions } from './option.js';
import { describeName, OptionProblems } from './option-problems.js';
import { DATABASE_TYPES, familyOf, type DatabaseType } from './database-type.js';
import { DEFAULTS, knownKeysOf, ROUTING, ROUTING_KEYS } from './option-table.js';
import type {
  FallbackLimit,
  MonitorOptions,
  GivenOptions,
  RetryOptions,
  RoutingOptions,
  SessionOptions,
} from './replica-options.js';
import { dropUndefined } from './option-values.js';
import { findNodes, resolveNode, type FoundNodes, type ResolvedNode } from './resolve-nodes.js';
import { hintsOf } from './typeorm-keys.js';

/** Options without a default: they may be absent. */
type KeyWithoutDefault = 'region' | 'route' | 'pool' | 'discovery';

/** Options that consist of others, with every default filled in. */
interface ResolvedGroups<Context> {
  readonly primary: ResolvedNode;
  readonly replicas: readonly ResolvedNode[];
  /** Replicas with `servers: 'many'`: the servers behind them have yet to be found. */
  readonly endpoints: readonly ResolvedNode[];
  readonly session: SessionOptions<Context> &
    Required<Pick<SessionOptions, 'ttlMs' | 'timeoutMs' | 'secrets'>>;
  readonly sticky: { readonly mode: 'position' } | { readonly mode: 'time'; readonly windowMs: number };
  readonly fallback: 'primary' | 'error' | Required<FallbackLimit>;
  readonly retries: Required<RetryOptions>;
  readonly monitor: Required<Omit<MonitorOptions, 'probe'>> & Pick<MonitorOptions, 'probe'>;
}

/** The library's options with every default filled in. */
export interface ResolvedOptions<Context = unknown>
  extends
    Required<Omit<RoutingOptions<Context>, keyof ResolvedGroups<Context> | KeyWithoutDefault>>,
    Pick<RoutingOptions, KeyWithoutDefault>,
    ResolvedGroups<Context> {
  readonly type: DatabaseType;
  /** Hints about given options that have no effect, for the log. */
  readonly warnings: readonly string[];
}

/** Validates the options and fills in the defaults. Throws one `InvalidReplicaOptionsError` with all mistakes. */
export function resolveOptions<Context>(options: GivenOptions<Context>): ResolvedOptions<Context> {
  const family = familyOf((options as { type?: unknown } | undefined)?.type);
  const problems = new OptionProblems(family);
  if (!problems.lenientObject(options, knownKeysOf(family), hintsOf(family)))
    throw new InvalidReplicaOptionsError(problems.list);
  problems.oneOf('type', options.type ?? 'none', DATABASE_TYPES);
  checkOptions(problems, '', options as object as Record<string, unknown>, ROUTING);
  checkTogether(problems, options);
  const nodes = findNodes(problems, options);
  if (nodes !== undefined) checkRuledNodes(problems, options, nodes);
  if (problems.list.length > 0 || nodes === undefined) throw new InvalidReplicaOptionsError(problems.list);
  return fillIn(options, nodes, problems.warnings);
}

/** All that {@link resolveOptions} would complain about. */
export function problemsOfOptions(options: GivenOptions<never>): readonly string[] {
  try {
    resolveOptions(options);
    return [];
  } catch (error) {
    if (error instanceof InvalidReplicaOptionsError) return error.problems;
    throw error;
  }
}

function fillIn<Context>(
  options: GivenOptions<Context>,
  nodes: FoundNodes,
  warnings: readonly string[],
): ResolvedOptions<Context> {
  const own = Object.fromEntries(ROUTING_KEYS.map((key) => [key, options[key as keyof RoutingOptions]]));
  const given = dropUndefined<RoutingOptions<Context>>(own);
  const { maxLagMs = DEFAULTS.routing.maxLagMs, sticky, pool, fallback = DEFAULTS.routing.fallback } = given;
  const session = { ...DEFAULTS.session, ...dropUndefined(given.session ?? {}) };
  const intervalMs = given.monitor?.intervalMs ?? DEFAULTS.monitor.intervalMs;
  const monitor = {
    ...DEFAULTS.monitor,
    maxIntervalMs: 2 * intervalMs,
    ...dropUndefined(given.monitor ?? {}),
  };
  const family = familyOf(options.type);
  const primary = resolveNode(nodes.primary, 'primary', { otherwise: 'primary', levels: pool, family });
  const all = nodes.replicas.map((node) =>
    resolveNode(node, 'replica', { otherwise: '', levels: pool, family }),
  );
  const endpoints = all.filter(({ isEndpoint }) => isEndpoint);
  const replicas = all.filter(({ isEndpoint }) => !isEndpoint);
  const resolved: ResolvedOptions<Context> = {
    ...DEFAULTS.routing,
    ...(nodes.defaultMode === 'master' ? { defaultReadPreference: 'primary' } : {}),
    ...(nodes.balancer === undefined ? {} : { balancer: nodes.balancer }),
    warnLagMs: maxLagMs / 2,
    hardMaxLagMs: Math.max(maxLagMs, session.ttlMs - intervalMs),
    ...given,
    type: options.type,
    fallback: resolveFallback(fallback),
    retries: { ...DEFAULTS.retries, ...dropUndefined(given.retries ?? {}) },
    sticky:
      sticky?.mode === 'time'
        ? { mode: 'time', windowMs: sticky.windowMs ?? DEFAULTS.sticky.windowMs }
        : { mode: 'position' },
    session: concealTexts(session),
    monitor,
    primary,
    replicas,
    endpoints,
    warnings,
  };
  return conceal(resolved, () => ({
    ...withoutTexts(resolved),
    session,
    monitor,
    primary,
    replicas,
    endpoints,
  }));
}

function resolveFallback(fallback: NonNullable<RoutingOptions['fallback']>): ResolvedOptions['fallback'] {
  if (typeof fallback !== 'object') return fallback;
  const { maxConcurrent, queueTimeoutMs = DEFAULTS.fallbackLimit.queueTimeoutMs } = fallback;
  return { maxConcurrent, queueTimeoutMs };
}

/** Checks options that depend on one another. Each was checked by itself before. */
function checkTogether(problems: OptionProblems, options: RoutingOptions<never>): void {
  const { sticky, monitor } = options;
  if (sticky?.windowMs !== undefined && sticky.mode !== 'time')
    problems.warn('sticky.windowMs', "it has no effect without mode: 'time'");
  const { intervalMs = DEFAULTS.monitor.intervalMs, maxIntervalMs = Infinity } = { ...monitor };
  if (maxIntervalMs < intervalMs)
    problems.add(
      'monitor.maxIntervalMs',
      `must be at least monitor.intervalMs (${intervalMs}), not ${maxIntervalMs}`,
    );
  for (const problem of options.discovery?.problems ?? []) problems.add('discovery:', problem);
  checkSession(problems, { ...options.session });
  checkLag(problems, options, intervalMs);
}

function checkSession(
  problems: OptionProblems,
  { key, store, token, secrets = [] }: SessionOptions<never>,
): void {
  if (store !== undefined && key === undefined)
    problems.warn('session.store', 'it has no effect without session.key, which says whose a request is');
  if (token === undefined) return;
  if (Array.isArray(secrets) && secrets.length === 0)
    problems.add('session.secrets', 'is missing: a token that a client holds has to be signed');
  if (key !== undefined || store !== undefined)
    problems.add('session.token', 'takes the place of session.key and session.store: give one or the other');
}

/** Checks that sessions are kept for longer than data may be behind. */
function checkLag(problems: OptionProblems, options: RoutingOptions<never>, intervalMs: number): void {
  const { maxLagMs = DEFAULTS.routing.maxLagMs } = options;
  const { warnLagMs = maxLagMs, hardMaxLagMs = maxLagMs } = options;
  if (warnLagMs > maxLagMs)
    problems.add('warnLagMs', `must be at most maxLagMs (${maxLagMs}), not ${warnLagMs}`);
  if (hardMaxLagMs < maxLagMs)
    problems.add('hardMaxLagMs', `must be at least maxLagMs (${maxLagMs}), not ${hardMaxLagMs}`);
  const ttlMs = options.session?.ttlMs ?? DEFAULTS.session.ttlMs;
  const [name, longestMs] = hardMaxLagMs > maxLagMs ? ['hardMaxLagMs', hardMaxLagMs] : ['maxLagMs', maxLagMs];
  if (ttlMs < longestMs + intervalMs)
    problems.add(
      'session.ttlMs',
      `must be at least ${name} + monitor.intervalMs (${longestMs} + ${intervalMs}), not ${ttlMs}: ` +
        'else a session is forgotten while a replica that may serve it lacks its write',
    );
}

/** Replicas are either given or discovered. If they are given, table rules must name nodes that exist. */
function checkRuledNodes(
  problems: OptionProblems,
  { tables, discovery }: RoutingOptions<never>,
  nodes: FoundNodes,
): void {
  if (discovery !== undefined) {
    if (nodes.replicas.length > 0)
      problems.add('discovery', 'takes the place of replicas: give one or the other');
    return;
  }
  const names = [nodes.primary?.name ?? 'primary', ...nodes.replicas.map((node) => node?.name ?? '')];
  const endpoints = nodes.replicas.filter((node) => node?.servers === 'many').map(({ name = '' }) => name);
  for (const [table, node] of Object.entries(tables ?? {})) {
    if (typeof node === 'string' && endpoints.includes(node))
      problems.add(
        `tables.${table}`,
        'names an endpoint: name one of the servers found there, or the primary',
      );
    const isFound = typeof node === 'string' && endpoints.some((name) => node.startsWith(`${name}-`));
    if (typeof node !== 'string' || node === 'primary' || names.includes(node) || isFound) continue;
    problems.add(
      `tables.${table}`,
      `names ${describeName(node)}, which is none of the nodes (${names.map((name) => describeName(name)).join(', ')})`,
    );
  }
}
