import { createHash } from 'node:crypto';
import type { Database, Endpoint, FoundServer, NodeOpener } from '../execution/database.js';
import { serverKeyOf } from '../execution/endpoints/server-key.js';
import { SafeMessageError } from '../errors/safe-message.error.js';
import type { ResolvedNode } from '../options/resolve-nodes.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { DiscoveryLoop, type DiscoveryResult } from '../topology/discovery/discovery-loop.js';
import { ServersBehind, type SeenServer } from '../topology/discovery/servers-behind.js';
import type { ServerIdentity } from '../topology/node-probe.js';
import { isSameConnection } from './resolve-replicas.js';
import type { LogSink } from './operator-log.js';
import type { RouterCounter } from '../observability/router-counters.js';

interface EndpointNodesParts {
  readonly database: Database;
  readonly options: Pick<ResolvedOptions<never>, 'monitor'>;
  /** The server that last answered as the primary; `undefined` while nobody knows. */
  readonly primary: () => ServerIdentity | undefined;
  readonly counters: Record<RouterCounter, number>;
  readonly log: LogSink;
  readonly nowMs: () => number;
}

/** One endpoint, and the loop that looks for servers behind it. */
interface WatchedEndpoint {
  /** What its nodes have in common. */
  node: ResolvedNode;
  readonly opener: Endpoint;
  readonly servers: ServersBehind;
  readonly loop: DiscoveryLoop<SeenServer>;
  readonly started: Promise<void>;
}

/** Time limit and retries of a look; milliseconds. */
const LOOK = { timeoutMs: 10_000, retryMs: 250, maxRetryMs: 5_000 };
/** The most connections that one look makes, and the time after which it makes no more; milliseconds. */
const MAX_CONNECTIONS = 40;
const LOOK_MS = 2_000;
/** Letters of a name, and of the hash at its end. */
const MAX_NAME_LETTERS = 64;
const HASH_LETTERS = 10;

/** The servers behind all endpoints, each of them a node. */
export class EndpointNodes {
  readonly #parts: EndpointNodesParts;
  readonly #byName = new Map<string, WatchedEndpoint>();

  constructor(parts: EndpointNodesParts) {
    this.#parts = parts;
  }

  /** What connects to a node: its endpoint, if it is behind one. */
  openerOf({ behind }: ResolvedNode): NodeOpener {
    const { database } = this.#parts;
    return (behind && this.#byName.get(behind.endpoint)?.opener) ?? database;
  }

  /** The nodes found by now. */
  get nodes(): readonly ResolvedNode[] {
    const primary = this.#parts.primary();
    return [...this.#byName.values()].flatMap(({ node, servers }) =>
      servers.list(primary).map((server) => serverNode(node, server)),
    );
  }

  /**
   * Looks for servers behind these endpoints from now on, and behind no others. Resolves when each was asked once.
   *
   * @param changed is called when servers have come or gone; a rejection counts as a failure to find any
   */
  async watch(endpoints: readonly ResolvedNode[], changed: () => Promise<void>): Promise<void> {
    const wanted = new Map(endpoints.map((node) => [node.name, node]));
    for (const [name, endpoint] of this.#byName) {
      const node = wanted.get(name);
      if (node === undefined || !isSameConnection(endpoint.node, node)) this.#leave(name);
      else endpoint.node = node;
    }
    for (const node of endpoints) if (!this.#byName.has(node.name)) this.#join(node, changed);
    await Promise.all(Array.from(this.#byName.values(), ({ started }) => started));
  }

  end(): void {
    for (const name of this.#byName.keys()) this.#leave(name);
  }

  #join(node: ResolvedNode, changed: () => Promise<void>): void {
    const { database, nowMs } = this.#parts;
    const servers = new ServersBehind(nowMs);
    const found = (server: FoundServer): void =>
      servers.saw({ ...server, key: serverKeyOf(server.identity) });
    const opener = database.openEndpoint?.(node, { found });
    if (opener === undefined) throw new TypeError(`${node.name}: this database knows no endpoints`);
    const loop = this.#loopOf(node, { find: () => this.#look(opener, servers) }, changed);
    this.#byName.set(node.name, { node, opener, servers, loop, started: loop.start() });
  }

  #leave(name: string): void {
    const endpoint = this.#byName.get(name);
    this.#byName.delete(name);
    endpoint?.loop.stop();
    endpoint?.opener.end();
  }

  #loopOf(
    { name, address }: ResolvedNode,
    discovery: { readonly find: () => Promise<DiscoveryResult<SeenServer>> },
    changed: () => Promise<void>,
  ): DiscoveryLoop<SeenServer> {
    const { counters, log } = this.#parts;
    return new DiscoveryLoop<SeenServer>({
      discovery,
      settings: LOOK,
      apply: changed,
      onFailure: (problem, isNews) => {
        counters.failedDiscoveries++;
        if (isNews) log.warn(`no server was found behind ${name} (${address}): ${problem}`);
      },
      onRecovery: () => log.log(`servers are found again behind ${name} (${address})`),
      random: Math.random,
    });
  }

  /**
   * Makes connections until so many in a row have led to known servers that another one would probably have been among them. Once
   * servers are known, one connection will do: pools and probes make others.
   */
  async #look(opener: Endpoint, servers: ServersBehind): Promise<DiscoveryResult<SeenServer>> {
    const { options, primary, nowMs } = this.#parts;
    const isFirst = servers.size === 0;
    const endMs = nowMs() + LOOK_MS;
    let failure: unknown;
    for (let made = 0, inVain = 0; made < MAX_CONNECTIONS && nowMs() < endMs; made++) {
      const known = servers.size;
      // Behind a balancer that has not noticed yet, one server may be away.
      await opener.look().catch((error: unknown) => (failure = error));
      inVain = servers.size > known ? 0 : inVain + 1;
      if (inVain > (isFirst ? 2 * servers.size + 1 : 0)) break;
    }
    const replicas = servers.list(primary());
    if (replicas.length > 0) return { replicas, validForMs: options.monitor.maxIntervalMs };
    throw failure ?? new SafeMessageError('connections lead only to servers that accept writes');
  }
}

/** The node of one server behind an endpoint. Every process gives it the same name, because sessions remember names. */
function serverNode(endpoint: ResolvedNode, { key, identity }: SeenServer): ResolvedNode {
  const { isEndpoint: _, ...node } = endpoint;
  const hash = createHash('sha256').update(key).digest('hex').slice(0, HASH_LETTERS);
  return {
    ...node,
    name: `${endpoint.name.slice(0, MAX_NAME_LETTERS - HASH_LETTERS - 1)}-${hash}`,
    address: identity.ownAddress ?? endpoint.address,
    behind: { endpoint: endpoint.name, server: key },
  };
}
