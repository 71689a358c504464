import type pg from 'pg';
import { SafeMessageError } from '../errors/safe-message.error.js';
import type { Endpoint, EndpointHooks, NodeAccess, NodeHooks } from '../execution/database.js';
import type { ConnectionLink, SortedConnection } from '../execution/endpoints/search-options.js';
import { serverKeyOf } from '../execution/endpoints/server-key.js';
import { ServerSearch } from '../execution/endpoints/server-search.js';
import type { ProbeLink } from '../execution/probes/probe-connector.js';
import type { ResolvedNode } from '../options/resolve-nodes.js';
import { inTime } from '../topology/in-time.js';
import type { NodeProbe, ProbeResult } from '../topology/node-probe.js';
import type { ProbeFunction } from '../topology/probe-function.js';
import { cutSocket } from './connection.js';
import type { ConnectionPoolOptions } from './connection-pool.js';
import { discreetClient } from './discreet-client.js';
import { POOL_TIMEOUT_TEXT, POSTGRES_ERRORS } from './error-kinds.js';
import { ServerAccess } from './server-access.js';
import { PostgresProbe, subjectOf } from './node-probe.js';
import { connectAndAsk, endAtOnce, MONITOR_NAME, type ProbeConnection } from './probe-connection.js';

interface PgEndpointOptions {
  /** How connections of pools and of probes are made. They have different settings, so they are sorted apart. */
  readonly pool: pg.PoolConfig;
  readonly probe: pg.ClientConfig;
  readonly poolOptions: (node: ResolvedNode, hooks: NodeHooks) => ConnectionPoolOptions;
  readonly found: EndpointHooks['found'];
}

/** The time for one attempt to connect if no option sets one; milliseconds. */
const CONNECT_MS = 5_000;
/** How long a probe's connection is searched for. The probe itself gives up sooner, and the search goes on for the next one. */
const PROBE_SEARCH = { timeoutMs: 10_000, isImpatient: true };

const NOT_TOLD =
  'the server does not tell who it is: grant EXECUTE on pg_postmaster_start_time() to the user';
const POOLED =
  'a pooler answers in place of the server (the process that answers is not the one that was announced), and may lead each ' +
  "statement to another server: give the servers themselves, or a balancer that passes connections on; without servers: 'many', " +
  "the address can be used with sticky: { mode: 'time' }";
const MOVED =
  'its connection was moved to another server: between here and the server is a pooler, which cannot be relied on';

/** An endpoint in front of several PostgreSQL servers. */
export class PgEndpoint implements Endpoint {
  readonly #options: PgEndpointOptions;
  readonly #pools: ServerSearch<ProbeConnection>;
  readonly #probes: ServerSearch<ProbeConnection>;

  constructor(options: PgEndpointOptions) {
    this.#options = options;
    const { connectionTimeoutMillis = CONNECT_MS } = options.pool;
    this.#pools = this.#createSearch(options.pool, connectionTimeoutMillis);
    this.#probes = this.#createSearch({ ...options.probe, ...MONITOR_NAME }, CONNECT_MS);
  }

  async look(): Promise<void> {
    await this.#probes.look();
  }

  openNode(node: ResolvedNode, hooks: NodeHooks): NodeAccess {
    const options = this.#options.poolOptions(node, hooks);
    return new ServerAccess(options, { search: this.#pools, server: serverOf(node) });
  }

  createProbe(node: ResolvedNode, probe: ProbeFunction | undefined): NodeProbe {
    const server = serverOf(node);
    return new PostgresProbe((lost) => this.#openProbeLink(server, lost), {
      subject: subjectOf(node, probe),
      answered: (result) => this.#check(server, result),
    });
  }

  end(): void {
    this.#pools.end();
    this.#probes.end();
  }

  #createSearch(config: pg.PoolConfig, timeoutMs: number): ServerSearch<ProbeConnection> {
    return new ServerSearch<ProbeConnection>({
      open: () => this.#open(config, timeoutMs),
      close: ({ client }) => void client.end().catch(() => undefined),
      onLost: ({ client }, listener) => {
        client.on('error', listener);
        client.on('end', listener);
        return () => void client.off('error', listener).off('end', listener);
      },
      connectionLost: (why) => POSTGRES_ERRORS.connectionLost(why),
      timedOut: () => new Error(POOL_TIMEOUT_TEXT),
      nowMs: () => performance.now(),
    });
  }

  #open(config: pg.PoolConfig, timeoutMs: number): ConnectionLink<SortedConnection<ProbeConnection>> {
    const Client = (config as { Client?: ReturnType<typeof discreetClient> }).Client ?? discreetClient();
    const client = new Client(config);
    client.on('error', () => undefined);
    const end = (): void => {
      cutSocket(client);
      client.end().catch(() => undefined);
    };
    const ready = inTime(connectAndAsk(client), timeoutMs, () => {
      throw POSTGRES_ERRORS.connectionLost(`no answer within ${timeoutMs} ms`);
    }).then((connection) => ({ connection, server: this.#sort(connection) }));
    ready.catch(end);
    return { ready, end };
  }

  /** The key of the server to which a new connection leads. Throws if that cannot be relied on. */
  #sort({ client, identity, backend, isReadOnly = false }: ProbeConnection): string {
    if (identity === undefined) throw new SafeMessageError(NOT_TOLD);
    if ((client as { processID?: number | null }).processID !== backend) throw new SafeMessageError(POOLED);
    this.#options.found({ identity, isReadOnly });
    return serverKeyOf(identity);
  }

  #openProbeLink(server: string, lost: () => void): ProbeLink<ProbeConnection> {
    const search = this.#probes.want(server, PROBE_SEARCH);
    let open: pg.Client | undefined;
    let isEnded = false;
    const ready = search.ready.then((connection) => {
      open = connection.client;
      open.on('error', lost);
      if (isEnded) endAtOnce(open);
      return connection;
    });
    const end = (): void => {
      isEnded = true;
      search.end();
      if (open !== undefined) endAtOnce(open);
    };
    return { ready, end };
  }

  /** Whether the server that answers is still the one to which the probe's connection led. */
  #check(server: string, { identity, isReadOnly }: ProbeResult): void {
    if (identity === undefined || serverKeyOf(identity) !== server) throw new SafeMessageError(MOVED);
    this.#options.found({ identity, isReadOnly });
  }
}

function serverOf({ name, behind }: ResolvedNode): string {
  if (behind === undefined) throw new TypeError(`${name} is not behind an endpoint`);
  return behind.server;
}
