import { Resolver } from 'node:dns/promises';
import { isNativeError } from 'node:util/types';
import { problemOfHost } from '../options/node-address.js';
import {
  checked,
  checkObject,
  defaultsOf,
  duration,
  oneOf,
  unchecked,
  whole,
  type TableOf,
} from '../options/option.js';
import { describe, OptionProblems } from '../options/option-problems.js';
import { dropUndefined } from '../options/option-values.js';
import type { NodeOptions, ReplicaDiscovery } from '../options/replica-options.js';
import { checkNode } from '../options/resolve-nodes.js';
import { SafeMessageError } from '../errors/safe-message.error.js';
import { DnsDiscovery, type DnsServers } from '../topology/discovery/dns-discovery.js';
import { DNS_TYPES, type DnsNode, type DnsType } from '../topology/discovery/dns-lookup.js';

/** Where in DNS the replicas are, and how often to look. */
export interface DnsReplicasOptions {
  /**
   * The name that stands for all replicas, in full, because search domains are not tried. For example
   * `pg-replicas.shop.svc.cluster.local`, or for SRV records `_postgresql._tcp.pg-replicas.shop.svc.cluster.local`.
   */
  readonly hostname: string;
  /**
   * With `A` and `AAAA` each address is a node, and its certificate must be for `hostname`. With `SRV` each record is
   * a node with its own port and weight; only records with the lowest priority number are used. Default `A`.
   */
  readonly type?: DnsType;
  /** The port of the nodes behind `A` and `AAAA` records. Default 5432 (MySQL and MariaDB: 3306). */
  readonly port?: number;
  /**
   * DNS is asked again when the time to live of its records ends, but not sooner than this. Milliseconds, from 10.
   * Default 1,000.
   */
  readonly minIntervalMs?: number;
  /** DNS is asked again after this time at the latest. Milliseconds, from `minIntervalMs`. Default 300,000. */
  readonly maxIntervalMs?: number;
  /**
   * How long a node stays after the last answer that named it. Use it for names whose answers list only some of the
   * nodes at a time. Milliseconds, from 0. Default 0.
   */
  readonly rememberMs?: number;
  /** DNS servers to ask, e.g. `['127.0.0.1:8600']`. Default: those of the system. */
  readonly servers?: readonly string[];
  /** Used in place of a `Resolver` of `node:dns/promises`. */
  readonly resolver?: DnsServers;
  /** What all nodes have in common, such as `ssl`, `region` or `pool`. The credentials default to the primary's. */
  readonly node?: Omit<NodeOptions, 'name' | 'url' | 'host' | 'port'>;
}

const OPTIONS = {
  hostname: checked<string>('text', (problems, path, value) => {
    problems.text(path, value ?? '');
    if (typeof value === 'string' && problemOfHost(value) !== undefined)
      problems.add(path, 'must be a name in DNS');
  }),
  type: oneOf(DNS_TYPES, { default: 'A' }),
  port: whole({ min: 1, derived: '5432 (MySQL and MariaDB: 3306)' }),
  minIntervalMs: duration({ min: 10, default: 1_000 }),
  // Checked by `check()`, as it depends on another option. So are those that have no simple type.
  maxIntervalMs: checked('milliseconds', () => undefined, { default: 300_000 }),
  rememberMs: duration({ min: 0, default: 0 }),
  servers: unchecked(),
  resolver: unchecked(),
  node: unchecked(),
} satisfies TableOf<DnsReplicasOptions>;

/** The time to live of SRV records if DNS does not tell it; milliseconds. */
const UNKNOWN_TTL_MS = 30_000;

/** The patience of Node's resolver with one server; milliseconds. */
const RESOLVER_SETTINGS = { timeout: 2_000, tries: 2 };

/**
 * For the option `discovery`: finds the replicas in DNS, and looks again when the time to live of the records ends.
 *
 * Node's resolver does not tell the time to live of SRV records, so the library asks for it with a query of its own.
 * If nobody answers that query, DNS is asked every 30 seconds.
 *
 * A name that does not exist changes nothing, because the name of a headless service disappears while none of its
 * pods is ready. The replicas stay as they are, and the monitor finds out which of them live.
 */
export function dnsReplicas(options: DnsReplicasOptions): ReplicaDiscovery {
  const problems = new OptionProblems();
  check(problems, options);
  if (problems.list.length > 0) {
    return { problems: problems.list, find: () => Promise.reject(new Error(problems.list.join(', '))) };
  }
  const { hostname, port, servers, resolver = createResolver(servers), node = {}, ...given } = options;
  const { type, ...intervals } = { ...defaultsOf(OPTIONS), ...dropUndefined(given) };
  const discovery = new DnsDiscovery(
    { hostname, type, port },
    { ...intervals, unknownTtlMs: UNKNOWN_TTL_MS },
    { resolver, nowMs: () => performance.now() },
  );
  // A certificate is for a name, not for an address.
  const common: NodeOptions = type === 'SRV' ? node : { servername: hostname, ...node };
  return {
    find: async () => {
      const { replicas, validForMs } = await discovery.find().catch(fromDns);
      return { replicas: replicas.map((found) => nodeOf(found, common)), validForMs };
    },
  };
}

/** Node's own message is safe to show: it names nothing but the hostname, which was checked. */
function fromDns(error: unknown): never {
  throw new SafeMessageError(isNativeError(error) ? error.message : 'DNS failed', { cause: error });
}

function nodeOf({ host, port, weight }: DnsNode, common: NodeOptions): NodeOptions {
  return { ...(weight === undefined ? {} : { weight }), ...common, host, port };
}

function createResolver(servers: readonly string[] | undefined): Resolver {
  const resolver = new Resolver(RESOLVER_SETTINGS);
  if (servers !== undefined) resolver.setServers(servers);
  return resolver;
}

function check(problems: OptionProblems, options: DnsReplicasOptions): void {
  if (!checkObject(problems, '', options, OPTIONS)) return;
  const { type, port, minIntervalMs = OPTIONS.minIntervalMs.default, maxIntervalMs } = options;
  const { servers, resolver, node } = options;
  problems.number('maxIntervalMs', maxIntervalMs, minIntervalMs);
  if (type === 'SRV' && port !== undefined) problems.add('port', 'is what SRV records tell: leave it out');
  if (servers !== undefined && resolver !== undefined)
    problems.add('servers', 'are for the resolver that is given: tell it');
  if (node !== undefined) checkNode(problems, 'node', node);
  for (const server of servers ?? []) checkServer(problems, server);
}

function checkServer(problems: OptionProblems, server: string): void {
  try {
    new Resolver().setServers([server]);
  } catch {
    problems.add('servers', `must be addresses such as 10.0.0.2 or 10.0.0.2:5353, not ${describe(server)}`);
  }
}
