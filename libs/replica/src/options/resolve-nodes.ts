import type { TagSet } from '../routing/balancer.js';
import { conceal } from './conceal.js';
import { addressOf, nodeNameOf, problemOfHost, problemOfUrl } from './node-address.js';
import { checkObject } from './option.js';
import { describe, type OptionProblems } from './option-problems.js';
import { DEFAULTS, NODE } from './option-table.js';
import type {
  NodeCredentials,
  NodeOptions,
  PoolLevels,
  PoolOptions,
  ReplicaDataSourceOptions,
} from './replica-options.js';
import { dropUndefined } from './option-values.js';

/** TypeORM's options of a single node. */
export const TOP_LEVEL_KEYS = ['url', 'host', 'port', 'username', 'password', 'database', 'ssl'] as const;

/** The keys of TypeORM's `replication`. */
const REPLICATION_KEYS = ['master', 'slaves', 'defaultMode'];

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
  /** What the levels of the options (all, role, node) say together. What none of them says comes from TypeORM or the driver. */
  readonly pool: PoolOptions;
}

/** The nodes as given. */
export interface FoundNodes {
  readonly primary: NodeOptions;
  readonly replicas: readonly NodeOptions[];
  readonly defaultMode?: string;
}

/** Takes the nodes from `primary` and `replicas`, from TypeORM's `replication`, or from `url` or `host` at the top. Checks them. */
export function findNodes(
  problems: OptionProblems,
  options: ReplicaDataSourceOptions<never>,
): FoundNodes | undefined {
  const { replication } = options;
  if (replication !== undefined) {
    if (options.primary !== undefined || options.replicas !== undefined) {
      problems.add('replication', 'cannot stand beside primary and replicas: give one or the other');
    }
    if (!problems.object('replication', replication, REPLICATION_KEYS)) return undefined;
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

/** With `primary` or `replication`, each node has credentials of its own. TypeORM ignores those at the top, too. */
function warnOfTopLevel(problems: OptionProblems, options: ReplicaDataSourceOptions<never>): void {
  for (const key of TOP_LEVEL_KEYS) {
    if (options[key] !== undefined && options[key] !== '')
      problems.warn(key, 'it has no effect beside primary or replication: give it to each node');
  }
}

function topLevelNode(options: ReplicaDataSourceOptions<never>): NodeOptions | undefined {
  const { url, host, port, username, password, database, ssl, applicationName } = options;
  if (url === undefined && host === undefined) return undefined;
  return { url, host, port, username, password, database, ssl, applicationName };
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

/**
 * Names replicas without a name by their address. That gives the same names in all processes, whatever the order and length of
 * their lists, which matters because sessions remember names. The second replica at an address gets `-2`, and so on.
 * `byAddress`: present names. The first replica at an address keeps the present one.
 */
export function nameReplicas(
  replicas: readonly NodeOptions[],
  { primary, byAddress }: { readonly primary: string; readonly byAddress?: ReadonlyMap<string, string> },
): readonly NodeOptions[] {
  const counts = new Map<string, number>();
  return replicas.map((node) => {
    if (!isReadable(node) || node.name !== undefined) return node;
    const address = addressOf(node);
    const count = (counts.get(address) ?? 0) + 1;
    counts.set(address, count);
    const name = (count === 1 ? byAddress?.get(address) : undefined) ?? nameOf(address, primary);
    return { ...node, name: count === 1 ? name : `${name}-${count}` };
  });
}

/** Whether the node has an address that may be shown. */
export function isReadable(node: NodeOptions): boolean {
  if (typeof node !== 'object' || node === null) return false;
  if (node.url !== undefined) return problemOfUrl(node.url) === undefined;
  // What is not just a host may hold a password.
  return node.host === undefined || problemOfHost(node.host) === undefined;
}

function nameOf(address: string, primary: string): string {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[(.+)\]$/, '$1');
  const port = Number(address.slice(colon + 1));
  const name = nodeNameOf(host, port);
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
  { name, weight, region, tags, pool, servername, ...credentials }: NodeOptions,
  role: 'primary' | 'replica',
  { otherwise, levels = {} }: { readonly otherwise: string; readonly levels?: PoolLevels },
): ResolvedNode {
  const { primary, replica, ...all } = levels;
  return {
    name: name ?? otherwise,
    address: addressOf(credentials),
    weight: weight ?? DEFAULTS.node.weight,
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
