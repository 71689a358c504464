import { CONSISTENCIES, ON_BEHIND, READ_PREFERENCES } from '../routing/route.js';
import { DEFAULTS } from './defaults.js';
import { InvalidReplicaOptionsError } from './invalid-options.error.js';
import { KNOWN_KEYS } from './known-keys.js';
import { addressOf, problemOfUrl } from './node-address.js';
import { describe, OptionProblems } from './option-problems.js';
import type {
  NodeCredentials,
  NodeOptions,
  ReplicaDataSourceOptions,
  RoutingOptions,
  SessionOptions,
} from './replica-options.js';

/** A node with its name and address. */
export interface ResolvedNode {
  readonly name: string;
  /** `host:port`. */
  readonly address: string;
  readonly credentials: NodeCredentials;
}

/** The library's options with every default filled in. */
export interface ResolvedOptions<Context = unknown> extends Required<
  Omit<RoutingOptions<Context>, 'primary' | 'replicas' | 'session' | 'monitor' | 'sticky'>
> {
  readonly primary: ResolvedNode;
  readonly replicas: readonly ResolvedNode[];
  readonly session: SessionOptions<Context> &
    Required<Pick<SessionOptions, 'ttlMs' | 'timeoutMs' | 'secrets'>>;
  readonly sticky: { readonly mode: 'position' } | { readonly mode: 'time'; readonly windowMs: number };
  readonly monitor: {
    readonly intervalMs: number;
    readonly probeTimeoutMs: number;
    readonly catchUpIntervalMs: number;
  };
}

/** Validates the options and fills in the defaults. Throws one `InvalidReplicaOptionsError` with all mistakes. */
export function resolveOptions<Context>(
  options: ReplicaDataSourceOptions<Context>,
): ResolvedOptions<Context> {
  const problems = new OptionProblems();
  if (!problems.object('', options, KNOWN_KEYS.top)) throw new InvalidReplicaOptionsError(problems.list);
  problems.oneOf('type', options.type ?? 'none', ['postgres']);
  checkRouting(problems, options);
  const nodes = findNodes(problems, options);
  if (problems.list.length > 0 || nodes === undefined) throw new InvalidReplicaOptionsError(problems.list);
  const { primary, replicas, defaultMode } = nodes;
  return {
    name: options.name ?? DEFAULTS.name,
    enabled: options.enabled ?? DEFAULTS.enabled,
    defaultReadPreference:
      options.defaultReadPreference ??
      (defaultMode === 'master' ? 'primary' : DEFAULTS.defaultReadPreference),
    defaultConsistency: options.defaultConsistency ?? DEFAULTS.defaultConsistency,
    maxStalenessMs: options.maxStalenessMs ?? DEFAULTS.maxStalenessMs,
    maxLagMs: options.maxLagMs ?? DEFAULTS.maxLagMs,
    onBehind: options.onBehind ?? DEFAULTS.onBehind,
    catchUpTimeoutMs: options.catchUpTimeoutMs ?? DEFAULTS.catchUpTimeoutMs,
    fallback: options.fallback ?? DEFAULTS.fallback,
    session: { ...DEFAULTS.session, ...dropUndefined(options.session ?? {}) },
    sticky:
      options.sticky?.mode === 'time'
        ? { mode: 'time', windowMs: options.sticky.windowMs ?? DEFAULTS.sticky.windowMs }
        : { mode: 'position' },
    monitor: {
      intervalMs: options.monitor?.intervalMs ?? DEFAULTS.monitor.intervalMs,
      probeTimeoutMs: options.monitor?.probeTimeoutMs ?? DEFAULTS.monitor.probeTimeoutMs,
      catchUpIntervalMs: options.monitor?.catchUpIntervalMs ?? DEFAULTS.monitor.catchUpIntervalMs,
    },
    primary: resolveNode(primary, 'primary'),
    replicas: replicas.map((node, index) => resolveNode(node, `replica-${index + 1}`)),
  };
}

function checkRouting(problems: OptionProblems, options: RoutingOptions<never>): void {
  problems.boolean('enabled', options.enabled);
  problems.oneOf('defaultReadPreference', options.defaultReadPreference, READ_PREFERENCES);
  problems.oneOf('defaultConsistency', options.defaultConsistency, CONSISTENCIES);
  problems.oneOf('fallback', options.fallback, ['primary', 'error']);
  problems.number('maxStalenessMs', options.maxStalenessMs, 1);
  problems.number('maxLagMs', options.maxLagMs, 1);
  problems.number('catchUpTimeoutMs', options.catchUpTimeoutMs, 1);
  problems.oneOf('onBehind', options.onBehind, ON_BEHIND);
  const { session = {}, monitor = {}, sticky = {} } = options;
  if (problems.object('sticky', sticky, KNOWN_KEYS.sticky)) {
    problems.oneOf('sticky.mode', sticky.mode, ['position', 'time']);
    problems.number('sticky.windowMs', sticky.windowMs, 1);
  }
  if (problems.object('monitor', monitor, KNOWN_KEYS.monitor)) {
    problems.number('monitor.intervalMs', monitor.intervalMs, 10);
    problems.number('monitor.probeTimeoutMs', monitor.probeTimeoutMs, 10);
    problems.number('monitor.catchUpIntervalMs', monitor.catchUpIntervalMs, 1);
  }
  if (problems.object('session', session, KNOWN_KEYS.session)) {
    problems.number('session.ttlMs', session.ttlMs, 1);
    if (session.key !== undefined && typeof session.key !== 'function') {
      problems.add(
        'session.key',
        `must be a function such as fromCookie('sid'), not ${describe(session.key)}`,
      );
    }
    problems.number('session.timeoutMs', session.timeoutMs, 1);
    checkStore(problems, session.store);
    checkTokens(problems, session);
  }
  const ttlMs = options.session?.ttlMs ?? DEFAULTS.session.ttlMs;
  const maxLagMs = options.maxLagMs ?? DEFAULTS.maxLagMs;
  const intervalMs = options.monitor?.intervalMs ?? DEFAULTS.monitor.intervalMs;
  if (ttlMs < maxLagMs + intervalMs) {
    problems.add(
      'session.ttlMs',
      `must be at least maxLagMs + monitor.intervalMs (${maxLagMs} + ${intervalMs}), not ${ttlMs}: ` +
        'else a session is forgotten while a replica that may serve it lacks its write',
    );
  }
}

function checkStore(problems: OptionProblems, store: unknown): void {
  if (store === undefined) return;
  const { load, save } = (store ?? {}) as { load?: unknown; save?: unknown };
  if (typeof load !== 'function' || typeof save !== 'function') {
    problems.add('session.store', `must have the methods load and save, not be ${describe(store)}`);
  }
}

function checkTokens(problems: OptionProblems, session: SessionOptions<never>): void {
  const { token, key, store, secrets = [] } = session;
  const areTexts =
    Array.isArray(secrets) &&
    secrets.every((secret: unknown) => typeof secret === 'string' && secret.length >= 32);
  if (!areTexts) problems.add('session.secrets', 'must be a list of texts of at least 32 letters each');
  if (token === undefined) return;
  if (typeof token?.read !== 'function' || typeof token.write !== 'function') {
    problems.add(
      'session.token',
      `must be cookieToken(), headerToken() or have the methods read and write, not be ${describe(token)}`,
    );
  }
  if (areTexts && secrets.length === 0)
    problems.add('session.secrets', 'is missing: a token that a client holds has to be signed');
  if (key !== undefined || store !== undefined)
    problems.add('session.token', 'takes the place of session.key and session.store: give one or the other');
}

function dropUndefined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as Partial<T>;
}

interface FoundNodes {
  readonly primary: NodeOptions;
  readonly replicas: readonly NodeOptions[];
  readonly defaultMode?: string;
}

/** The nodes, from `primary` and `replicas`, from TypeORM's `replication`, or from `url`/`host` at the top. */
function findNodes(
  problems: OptionProblems,
  options: ReplicaDataSourceOptions<never>,
): FoundNodes | undefined {
  const { replication } = options;
  if (replication !== undefined) {
    if (options.primary !== undefined || options.replicas !== undefined) {
      problems.add('replication', 'cannot stand beside primary and replicas: give one or the other');
    }
    if (!problems.object('replication', replication, KNOWN_KEYS.replication)) return undefined;
    problems.oneOf('replication.defaultMode', replication.defaultMode, ['master', 'slave']);
    const found = {
      primary: replication.master,
      replicas: replication.slaves ?? [],
      defaultMode: replication.defaultMode,
    };
    return checkNodes(problems, found, { primary: 'replication.master', replicas: 'replication.slaves' });
  }
  const primary = options.primary ?? topLevelNode(options);
  if (primary === undefined) {
    problems.add('primary', 'is missing: give primary: { url }, replication: { master, slaves }, or url');
    return undefined;
  }
  return checkNodes(
    problems,
    { primary, replicas: options.replicas ?? [] },
    { primary: 'primary', replicas: 'replicas' },
  );
}

function topLevelNode(options: ReplicaDataSourceOptions<never>): NodeOptions | undefined {
  if (options.url === undefined && options.host === undefined) return undefined;
  const { url, host, port, username, password, database, ssl, applicationName } = options;
  return { url, host, port, username, password, database, ssl, applicationName };
}

function checkNodes(
  problems: OptionProblems,
  nodes: FoundNodes,
  paths: { primary: string; replicas: string },
): FoundNodes {
  checkNode(problems, paths.primary, nodes.primary);
  if (!Array.isArray(nodes.replicas)) {
    problems.add(
      paths.replicas,
      `must be a list, not ${typeof nodes.replicas === 'string' ? 'a text' : describe(nodes.replicas)}`,
    );
    return { ...nodes, replicas: [] };
  }
  const names = new Map<string, string>([[nodes.primary?.name ?? 'primary', paths.primary]]);
  nodes.replicas.forEach((node: NodeOptions, index) => {
    const path = `${paths.replicas}[${index}]`;
    checkNode(problems, path, node);
    const name = node?.name ?? `replica-${index + 1}`;
    const other = names.get(name);
    if (other !== undefined) problems.add(`${path}.name`, `${describe(name)} is also the name of ${other}`);
    names.set(name, path);
  });
  return nodes;
}

function checkNode(problems: OptionProblems, path: string, node: NodeOptions | undefined): void {
  if (!problems.object(path, node, KNOWN_KEYS.node)) return;
  const { name, url, port } = node as NodeOptions;
  if (name !== undefined && (typeof name !== 'string' || !/^[\w.-]{1,64}$/.test(name))) {
    problems.add(`${path}.name`, `must be 1 to 64 letters, digits, '.', '_' or '-', not ${describe(name)}`);
  }
  if (url === undefined && 'url' in (node as object) && (node as NodeOptions).host === undefined) {
    problems.add(`${path}.url`, 'is undefined: is the environment variable set?');
  }
  if (url !== undefined) {
    const problem = problemOfUrl(url);
    if (problem !== undefined) problems.add(`${path}.url`, problem);
  }
  if (port !== undefined && !(Number.isInteger(port) && port > 0 && port < 65_536)) {
    problems.add(`${path}.port`, `must be a whole number from 1 to 65535, not ${describe(port)}`);
  }
}

function resolveNode({ name, ...credentials }: NodeOptions, otherwise: string): ResolvedNode {
  return { name: name ?? otherwise, address: addressOf(credentials), credentials };
}
