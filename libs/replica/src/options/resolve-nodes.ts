import type { TagSet } from '../routing/balancer.js';
import { conceal } from './conceal.js';
import { DEFAULTS } from './defaults.js';
import { KNOWN_KEYS } from './known-keys.js';
import { nameReplicas } from './name-replicas.js';
import { addressOf, problemOfHost, problemOfUrl } from './node-address.js';
import { describe, type OptionProblems } from './option-problems.js';
import type {
  NodeCredentials,
  NodeOptions,
  PoolLevels,
  PoolOptions,
  ReplicaDataSourceOptions,
} from './replica-options.js';
import { dropUndefined } from './option-values.js';

/** A node with its name and address, and every default filled in. */
export interface ResolvedNode {
  readonly name: string;
  /** `host:port`. */
  readonly address: string;
  readonly weight: number;
  readonly region?: string;
  readonly tags?: TagSet;
  readonly credentials: NodeCredentials;
  /** The name in its TLS certificate, where that is not its host. */
  readonly servername?: string;
  /** What the levels of the options (all, role, node) say together; what none says is TypeORM's or the driver's. */
  readonly pool: PoolOptions;
}

/** The nodes as they were given. */
export interface FoundNodes {
  readonly primary: NodeOptions;
  readonly replicas: readonly NodeOptions[];
  readonly defaultMode?: string;
}

/** The nodes, from `primary` and `replicas`, from TypeORM's `replication`, or from `url`/`host` at the top. */
export function findNodes(
  problems: OptionProblems,
  options: ReplicaDataSourceOptions<never>,
): FoundNodes | undefined {
  const { replication } = options;
  checkPoolLevels(problems, options.pool);
  if (replication !== undefined) {
    if (options.primary !== undefined || options.replicas !== undefined) {
      problems.add('replication', 'cannot stand beside primary and replicas: give one or the other');
    }
    if (!problems.object('replication', replication, KNOWN_KEYS.replication)) return undefined;
    warnOfTopLevel(problems, options);
    problems.oneOf('replication.defaultMode', replication.defaultMode, ['master', 'slave']);
    const found = {
      primary: withoutEmptyUrl(replication.master),
      replicas: withoutEmptyUrls(replication.slaves ?? []),
      defaultMode: replication.defaultMode,
    };
    return checkNodes(problems, found, { primary: 'replication.master', replicas: 'replication.slaves' });
  }
  if (options.primary !== undefined) warnOfTopLevel(problems, options);
  const given = options.primary ?? topLevelNode(options);
  const primary = given && withoutEmptyUrl(given);
  if (primary === undefined) {
    problems.add('primary', 'is missing: give primary: { url }, replication: { master, slaves }, or url');
    return undefined;
  }
  return checkNodes(
    problems,
    { primary, replicas: withoutEmptyUrls(options.replicas ?? []) },
    { primary: 'primary', replicas: 'replicas' },
  );
}

/** Each node has its own; to TypeORM's `replication` that is so, too. */
function warnOfTopLevel(problems: OptionProblems, options: ReplicaDataSourceOptions<never>): void {
  for (const key of ['url', 'host', 'port', 'username', 'password', 'database', 'ssl'] as const) {
    if (options[key] !== undefined && options[key] !== '')
      problems.warn(key, 'it has no effect beside primary or replication: give it to each node');
  }
}

function topLevelNode(options: ReplicaDataSourceOptions<never>): NodeOptions | undefined {
  if (options.url === undefined && options.host === undefined) return undefined;
  const { host, port, username, password, database, ssl, applicationName } = options;
  return withoutEmptyUrl({
    url: options.url,
    host,
    port,
    username,
    password,
    database,
    ssl,
    applicationName,
  });
}

/** As {@link withoutEmptyUrl}, of a list, whatever it is. */
export function withoutEmptyUrls(nodes: readonly NodeOptions[]): readonly NodeOptions[] {
  return Array.isArray(nodes) ? nodes.map((node: NodeOptions) => withoutEmptyUrl(node)) : nodes;
}

/** An environment variable that is not set often comes as an empty text: beside a host that is as good as none. */
function withoutEmptyUrl(node: NodeOptions): NodeOptions {
  if (node?.url !== '' || !node.host) return node;
  const { url: _, ...others } = node;
  return others;
}

function checkNodes(
  problems: OptionProblems,
  nodes: FoundNodes,
  paths: { primary: string; replicas: string },
): FoundNodes {
  checkNode(problems, paths.primary, nodes.primary);
  if (!Array.isArray(nodes.replicas)) {
    problems.add(paths.replicas, `must be a list, not ${describe(nodes.replicas)}`);
    return { ...nodes, replicas: [] };
  }
  const replicas = nameReplicas(nodes.replicas, { primary: nodes.primary?.name ?? 'primary' });
  checkReplicas(problems, replicas, {
    path: paths.replicas,
    primary: nodes.primary?.name,
    primaryPath: paths.primary,
  });
  return { ...nodes, replicas };
}

/** Checks a list of replicas, and that no two nodes have the same name. */
export function checkReplicas(
  problems: OptionProblems,
  replicas: readonly NodeOptions[],
  where: { readonly path: string; readonly primary: string | undefined; readonly primaryPath: string },
): void {
  const names = new Map<string, string>([[where.primary ?? 'primary', where.primaryPath]]);
  replicas.forEach((node: NodeOptions, index) => {
    const path = `${where.path}[${index}]`;
    checkNode(problems, path, node);
    // TypeORM takes this machine then, which is hardly where the replica is.
    if (node?.url === undefined && node?.host === undefined && Object.hasOwn(Object(node) as object, 'host'))
      problems.add(`${path}.host`, 'is undefined: is the environment variable set?');
    const name = node?.name;
    if (name === undefined) return;
    const other = names.get(name);
    if (other !== undefined) problems.add(`${path}.name`, `is also the name of ${other}`);
    names.set(name, path);
  });
}

/** Checks one node. */
export function checkNode(problems: OptionProblems, path: string, node: NodeOptions | undefined): void {
  if (!problems.object(path, node, KNOWN_KEYS.node)) return;
  const { name, url, host, port, weight, region, tags, pool, servername } = node as NodeOptions;
  if (name !== undefined && (typeof name !== 'string' || !/^[\w.-]{1,64}$/.test(name))) {
    problems.add(`${path}.name`, `must be 1 to 64 letters, digits, '.', '_' or '-', not ${describe(name)}`);
  }
  if (url === undefined && 'url' in (node as object) && host === undefined) {
    problems.add(`${path}.url`, 'is undefined: is the environment variable set?');
  }
  if (url !== undefined) {
    const problem = problemOfUrl(url);
    if (problem !== undefined) problems.add(`${path}.url`, problem);
  }
  if (host !== undefined) {
    const problem = problemOfHost(host);
    if (problem !== undefined) problems.add(`${path}.host`, problem);
  }
  if (port !== undefined && !(Number.isInteger(port) && port > 0 && port < 65_536)) {
    problems.add(
      `${path}.port`,
      `must be a whole number from 1 to 65535, not ${typeof port === 'number' ? 'another one' : describe(port)}`,
    );
  }
  problems.number(`${path}.weight`, weight, 0);
  problems.label(`${path}.region`, region);
  problems.tags(`${path}.tags`, tags);
  problems.text(`${path}.servername`, servername);
  if (pool !== undefined) checkPool(problems, `${path}.pool`, pool);
}

function checkPoolLevels(problems: OptionProblems, pool: PoolLevels | undefined): void {
  if (pool === undefined || !problems.object('pool', pool, KNOWN_KEYS.pool)) return;
  const { primary, replica, ...all } = pool as PoolLevels;
  checkPool(problems, 'pool', all);
  if (primary !== undefined) checkPool(problems, 'pool.primary', primary);
  if (replica !== undefined) checkPool(problems, 'pool.replica', replica);
}

function checkPool(problems: OptionProblems, path: string, pool: PoolOptions): void {
  if (path !== 'pool' && !problems.object(path, pool, KNOWN_KEYS.poolOfRole)) return;
  problems.whole(`${path}.size`, pool.size, 1);
  problems.number(`${path}.idleTimeoutMs`, pool.idleTimeoutMs, 0);
  problems.number(`${path}.connectTimeoutMs`, pool.connectTimeoutMs, 1);
  problems.number(`${path}.maxLifetimeMs`, pool.maxLifetimeMs, 1_000);
  problems.number(`${path}.statementTimeoutMs`, pool.statementTimeoutMs, 1);
  problems.text(`${path}.applicationName`, pool.applicationName);
}

/** A node whose options were checked. */
export function resolveNode(
  { name, weight, region, tags, pool, servername, ...credentials }: NodeOptions,
  role: 'primary' | 'replica',
  { otherwise, levels = {} }: { readonly otherwise: string; readonly levels?: PoolLevels },
): ResolvedNode {
  const { primary, replica, ...all } = levels;
  return {
    name: name ?? otherwise,
    address: addressOf(credentials),
    weight: weight ?? DEFAULTS.weight,
    ...(region === undefined ? {} : { region }),
    ...(tags === undefined ? {} : { tags }),
    ...(servername === undefined ? {} : { servername }),
    credentials: conceal(credentials, () => ({ address: addressOf(credentials) })),
    pool: {
      ...all,
      ...dropUndefined((role === 'primary' ? primary : replica) ?? {}),
      ...dropUndefined(pool ?? {}),
    },
  };
}
