import type { BalancerFunction, BalancerName, TagSet } from '../routing/balancer.js';
import { conceal } from './conceal.js';
import { MYSQL, POSTGRES, type DatabaseFamily } from './database-type.js';
import { addressOf, nodeNameOf, problemOfHost, problemOfUrl } from './node-address.js';
import { checkObject } from './option.js';
import { describe, type OptionProblems } from './option-problems.js';
import { DEFAULTS, NODE } from './option-table.js';
import type {
  NodeCredentials,
  NodeOptions,
  GivenOptions,
  PoolLevels,
  PoolOptions,
} from './replica-options.js';
import { dropUndefined } from './option-values.js';

/** TypeORM's options of a single node. */
export const TOP_LEVEL_KEYS = [
  'url',
  'host',
  'port',
  'socketPath',
  'username',
  'password',
  'database',
  'ssl',
] as const;

/** The keys of TypeORM's `replication`. */
const REPLICATION_KEYS = ['master', 'slaves', 'defaultMode'];

/** Those that only MySQL and MariaDB have. The last ones are for a cluster that loses a node for good. */
const SELECTOR_KEYS = ['selector', 'defaultSelector'] as const;
const CLUSTER_KEYS = ['canRetry', 'removeNodeErrorCount', 'restoreNodeTimeout'] as const;

/** What TypeORM and `mysql2` can say of how to choose a replica, in the words of this library. */
const SELECTORS: Readonly<Record<'RR' | 'RANDOM' | 'ORDER', BalancerName | BalancerFunction>> = {
  RR: 'round-robin',
  RANDOM: 'random',
  ORDER: ([first]) => first?.name ?? '',
};

/** A node with its name and address, and every default filled in. */
export interface ResolvedNode {
  readonly name: string;
  /** `host:port`. */
  readonly address: string;
  readonly weight: number;
  readonly region?: string;
  readonly tags?: TagSet;
  readonly credentials: NodeCredentials;
  /** The name in its TLS certificate, if that is not its host. */
  readonly servername?: string;
  /** It is no node but an endpoint, behind which several servers answer. */
  readonly isEndpoint?: boolean;
  /** It is one of the servers behind an endpoint. */
  readonly behind?: ServerBehind;
  /** What the levels of the options (all, role, node) say together. What none of them says comes from TypeORM or the driver. */
  readonly pool: PoolOptions;
}

/** Which server behind which endpoint a node is. */
export interface ServerBehind {
  /** The endpoint's name. */
  readonly endpoint: string;
  /** The key of the server: see `serverKeyOf`. */
  readonly server: string;
}

/** The nodes as given. */
export interface FoundNodes {
  readonly primary: NodeOptions;
  readonly replicas: readonly NodeOptions[];
  readonly defaultMode?: string;
  /** What `replication` says of how to choose a replica. */
  readonly balancer?: BalancerName | BalancerFunction;
}

/** Takes the nodes from `primary` and `replicas`, from TypeORM's `replication`, or from `url` or `host` at the top. Checks them. */
export function findNodes(problems: OptionProblems, options: GivenOptions<never>): FoundNodes | undefined {
  const { replication } = options;
  if (replication !== undefined) {
    if (options.primary !== undefined || options.replicas !== undefined) {
      problems.add('replication', 'cannot stand beside primary and replicas: give one or the other');
    }
    if (!problems.object('replication', replication, replicationKeysOf(problems.family))) return undefined;
    warnOfTopLevel(problems, options);
    problems.oneOf('replication.defaultMode', replication.defaultMode, ['master', 'slave']);
    const found = {
      primary: withoutEmptyUrl(replication.master),
      replicas: withoutEmptyUrls(replication.slaves ?? []),
      defaultMode: replication.defaultMode,
      balancer: balancerOf(problems, options),
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

/** With `primary` or `replication`, each node has credentials of its own. TypeORM ignores those at the top, too. */
function warnOfTopLevel(problems: OptionProblems, options: GivenOptions<never>): void {
  for (const key of TOP_LEVEL_KEYS) {
    // TypeORM's option for MySQL is for all nodes.
    if (key === 'ssl' && problems.family === MYSQL) continue;
    if (options[key] !== undefined && options[key] !== '')
      problems.warn(key, 'it has no effect beside primary or replication: give it to each node');
  }
}

function topLevelNode(options: GivenOptions<never>): NodeOptions | undefined {
  const { url, host, socketPath, port, username, password, database, ssl, applicationName } = options;
  if (url === undefined && host === undefined && socketPath === undefined) return undefined;
  return dropUndefined({ url, host, socketPath, port, username, password, database, ssl, applicationName });
}

function replicationKeysOf(family: DatabaseFamily | undefined): readonly string[] {
  return family === MYSQL ? [...REPLICATION_KEYS, ...SELECTOR_KEYS, ...CLUSTER_KEYS] : REPLICATION_KEYS;
}

/** The balancer that `replication` names, unless the option `balancer` does. Warns of what else has no meaning. */
function balancerOf(problems: OptionProblems, options: GivenOptions<never>): FoundNodes['balancer'] {
  const replication: Partial<NonNullable<typeof options.replication>> = options.replication ?? {};
  for (const key of CLUSTER_KEYS)
    if (replication[key] !== undefined)
      problems.warn(
        `replication.${key}`,
        'it has no meaning here: a node that is away comes back by itself as soon as it answers',
      );
  for (const key of SELECTOR_KEYS)
    problems.oneOf(`replication.${key}`, replication[key], Object.keys(SELECTORS));
  const selector = replication.selector ?? replication.defaultSelector;
  if (selector !== undefined && options.balancer !== undefined)
    problems.warn('replication.selector', 'it has no effect beside balancer');
  return selector === undefined ? undefined : SELECTORS[selector];
}

/** As {@link withoutEmptyUrl}, for each node of a list. What is no list stays as it is. */
export function withoutEmptyUrls(nodes: readonly NodeOptions[]): readonly NodeOptions[] {
  return Array.isArray(nodes) ? nodes.map((node: NodeOptions) => withoutEmptyUrl(node)) : nodes;
}

/** An environment variable that is not set often arrives as an empty text. Beside a host, such a `url` counts as absent. */
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
  if (nodes.primary?.servers === 'many')
    problems.add(`${paths.primary}.servers`, "cannot be 'many': one server takes the writes");
  if (!Array.isArray(nodes.replicas)) {
    problems.add(paths.replicas, `must be a list, not ${describe(nodes.replicas)}`);
    return { ...nodes, replicas: [] };
  }
  const replicas = nameReplicas(nodes.replicas, {
    primary: nodes.primary?.name ?? 'primary',
    family: problems.family,
  });
  checkReplicas(problems, replicas, {
    path: paths.replicas,
    primary: nodes.primary?.name,
    primaryPath: paths.primary,
  });
  return { ...nodes, replicas };
}

/**
 * Names replicas without a name by their address. That gives the same names in all processes, whatever the order and length of
 * their lists, which matters because sessions remember names. The second replica at an address gets `-2`, and so on.
 * `byAddress`: present names. The first replica at an address keeps the present one.
 */
export function nameReplicas(
  replicas: readonly NodeOptions[],
  {
    primary,
    byAddress,
    family = POSTGRES,
  }: {
    readonly primary: string;
    readonly byAddress?: ReadonlyMap<string, string>;
    readonly family?: DatabaseFamily;
  },
): readonly NodeOptions[] {
  const counts = new Map<string, number>();
  return replicas.map((node) => {
    if (!isReadable(node, family) || node.name !== undefined) return node;
    const address = addressOf(node, family);
    const count = (counts.get(address) ?? 0) + 1;
    counts.set(address, count);
    const name = (count === 1 ? byAddress?.get(address) : undefined) ?? nameOf(address, primary, family);
    return { ...node, name: count === 1 ? name : `${name}-${count}` };
  });
}

/** Whether the node has an address that may be shown. */
export function isReadable(node: NodeOptions, family = POSTGRES): boolean {
  if (typeof node !== 'object' || node === null) return false;
  if (node.url !== undefined) return problemOfUrl(node.url, family) === undefined;
  // What is not just a host may hold a password.
  return node.host === undefined || problemOfHost(node.host) === undefined;
}

function nameOf(address: string, primary: string, family: DatabaseFamily): string {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[(.+)\]$/, '$1');
  const port = Number(address.slice(colon + 1));
  const name = nodeNameOf(host, port, family);
  return name === primary ? `${name}-${port}` : name;
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
    // TypeORM would take this machine, where the replica hardly is.
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
  if (!checkObject(problems, path, node, NODE)) return;
  const { url, host } = node as NodeOptions;
  if (url === undefined && 'url' in (node as object) && host === undefined)
    problems.add(`${path}.url`, 'is undefined: is the environment variable set?');
}

/** Fills in the defaults of a node whose options were checked. */
export function resolveNode(
  { name, weight, region, tags, pool, poolSize, servername, servers, ...credentials }: NodeOptions,
  role: 'primary' | 'replica',
  {
    otherwise,
    levels = {},
    family = POSTGRES,
  }: { readonly otherwise: string; readonly levels?: PoolLevels; readonly family?: DatabaseFamily },
): ResolvedNode {
  const { primary, replica, ...all } = levels;
  const address = addressOf(credentials, family);
  return {
    name: name ?? otherwise,
    address,
    weight: weight ?? DEFAULTS.node.weight,
    ...(region === undefined ? {} : { region }),
    ...(tags === undefined ? {} : { tags }),
    ...(servername === undefined ? {} : { servername }),
    ...(servers === 'many' ? { isEndpoint: true } : {}),
    credentials: conceal(credentials, () => ({ address })),
    pool: {
      ...(family === MYSQL ? DEFAULTS.pool : {}),
      ...dropUndefined(all),
      ...dropUndefined((role === 'primary' ? primary : replica) ?? {}),
      ...dropUndefined({ size: poolSize }),
      ...dropUndefined(pool ?? {}),
    },
  };
}
