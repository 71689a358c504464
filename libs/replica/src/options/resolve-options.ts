import { checkRouting } from './check-routing.js';
import { conceal, withoutTexts } from './conceal.js';
import { DEFAULTS } from './defaults.js';
import { InvalidReplicaOptionsError } from '../errors/invalid-options.error.js';
import { KNOWN_KEYS, REPLACED_OPTIONS } from './known-keys.js';
import { describeName, OptionProblems } from './option-problems.js';
import type {
  FallbackLimit,
  MonitorOptions,
  ReplicaDataSourceOptions,
  RetryOptions,
  RoutingOptions,
  SessionOptions,
} from './replica-options.js';
import { dropUndefined } from './option-values.js';
import { findNodes, resolveNode, type FoundNodes, type ResolvedNode } from './resolve-nodes.js';

type Replaced =
  | 'primary'
  | 'replicas'
  | 'session'
  | 'monitor'
  | 'sticky'
  | 'fallback'
  | 'retries'
  | 'pool'
  | 'region'
  | 'route'
  | 'discovery';

/** The library's options with every default filled in. */
export interface ResolvedOptions<Context = unknown>
  extends
    Required<Omit<RoutingOptions<Context>, Replaced>>,
    Pick<RoutingOptions, 'region' | 'route' | 'pool' | 'discovery'> {
  readonly primary: ResolvedNode;
  readonly replicas: readonly ResolvedNode[];
  readonly session: SessionOptions<Context> &
    Required<Pick<SessionOptions, 'ttlMs' | 'timeoutMs' | 'secrets'>>;
  readonly sticky: { readonly mode: 'position' } | { readonly mode: 'time'; readonly windowMs: number };
  readonly fallback: 'primary' | 'error' | Required<FallbackLimit>;
  readonly retries: Required<RetryOptions>;
  readonly monitor: Required<Omit<MonitorOptions, 'probe'>> & Pick<MonitorOptions, 'probe'>;
  /** What was given and has no effect, for the log. */
  readonly warnings: readonly string[];
}

/** Validates the options and fills in the defaults. Throws one `InvalidReplicaOptionsError` with all mistakes. */
export function resolveOptions<Context>(
  options: ReplicaDataSourceOptions<Context>,
): ResolvedOptions<Context> {
  const problems = new OptionProblems();
  if (!problems.lenientObject(options, KNOWN_KEYS.top, REPLACED_OPTIONS))
    throw new InvalidReplicaOptionsError(problems.list);
  problems.oneOf('type', options.type ?? 'none', ['postgres']);
  problems.text('name', options.name);
  checkRouting(problems, options);
  const nodes = findNodes(problems, options);
  if (nodes !== undefined) checkRuledNodes(problems, options, nodes);
  if (problems.list.length > 0 || nodes === undefined) throw new InvalidReplicaOptionsError(problems.list);
  const session = { ...DEFAULTS.session, ...dropUndefined(options.session ?? {}) };
  conceal(session, () => withoutTexts(session));
  const monitor = resolveMonitor(options.monitor);
  const maxLagMs = options.maxLagMs ?? DEFAULTS.maxLagMs;
  const resolved: ResolvedOptions<Context> = {
    name: options.name ?? DEFAULTS.name,
    enabled: options.enabled ?? DEFAULTS.enabled,
    discovery: options.discovery,
    drainTimeoutMs: options.drainTimeoutMs ?? DEFAULTS.drainTimeoutMs,
    defaultReadPreference:
      options.defaultReadPreference ??
      (nodes.defaultMode === 'master' ? 'primary' : DEFAULTS.defaultReadPreference),
    defaultConsistency: options.defaultConsistency ?? DEFAULTS.defaultConsistency,
    maxStalenessMs: options.maxStalenessMs ?? DEFAULTS.maxStalenessMs,
    maxLagMs,
    warnLagMs: options.warnLagMs ?? maxLagMs / 2,
    minServing: options.minServing ?? DEFAULTS.minServing,
    hardMaxLagMs: options.hardMaxLagMs ?? Math.max(maxLagMs, session.ttlMs - monitor.intervalMs),
    onBehind: options.onBehind ?? DEFAULTS.onBehind,
    catchUpTimeoutMs: options.catchUpTimeoutMs ?? DEFAULTS.catchUpTimeoutMs,
    fallback: resolveFallback(options.fallback),
    balancer: options.balancer ?? DEFAULTS.balancer,
    region: options.region,
    retries: { ...DEFAULTS.retries, ...dropUndefined(options.retries ?? {}) },
    primaryWaitMs: options.primaryWaitMs ?? DEFAULTS.primaryWaitMs,
    startWithoutPrimary: options.startWithoutPrimary ?? DEFAULTS.startWithoutPrimary,
    tables: options.tables ?? {},
    route: options.route,
    pool: options.pool,
    session,
    sticky:
      options.sticky?.mode === 'time'
        ? { mode: 'time', windowMs: options.sticky.windowMs ?? DEFAULTS.sticky.windowMs }
        : { mode: 'position' },
    monitor,
    warnings: problems.warnings,
    lanes: options.lanes ?? DEFAULTS.lanes,
    prepare: options.prepare ?? DEFAULTS.prepare,
    prepareAfter: options.prepareAfter ?? DEFAULTS.prepareAfter,
    primary: resolveNode(nodes.primary, 'primary', { otherwise: 'primary', levels: options.pool }),
    replicas: nodes.replicas.map((node) =>
      resolveNode(node, 'replica', { otherwise: '', levels: options.pool }),
    ),
  };
  const { primary, replicas } = resolved;
  return conceal(resolved, () => ({ ...withoutTexts(resolved), session, monitor, primary, replicas }));
}

function resolveMonitor(given: MonitorOptions = {}): ResolvedOptions['monitor'] {
  const monitor = { ...DEFAULTS.monitor, ...dropUndefined(given) };
  return { ...monitor, maxIntervalMs: given.maxIntervalMs ?? 2 * monitor.intervalMs };
}

function resolveFallback(fallback: RoutingOptions['fallback']): ResolvedOptions['fallback'] {
  if (typeof fallback !== 'object') return fallback ?? DEFAULTS.fallback;
  return {
    maxConcurrent: fallback.maxConcurrent,
    queueTimeoutMs: fallback.queueTimeoutMs ?? DEFAULTS.queueTimeoutMs,
  };
}

/** Which replicas there are is found out or given; where it is given, table rules must name them. */
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
  for (const [table, node] of Object.entries(tables ?? {})) {
    if (typeof node !== 'string' || node === 'primary' || names.includes(node)) continue;
    problems.add(
      `tables.${table}`,
      `names ${describeName(node)}, which is none of the nodes (${names.map((name) => describeName(name)).join(', ')})`,
    );
  }
}
