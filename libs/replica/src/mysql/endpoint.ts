import type { ConnectionOptions } from 'mysql2';
import { SafeMessageError } from '../errors/safe-message.error.js';
import type { Endpoint, EndpointHooks, NodeAccess, NodeHooks } from '../execution/database.js';
import type { ConnectionLink, SortedConnection } from '../execution/endpoints/search-options.js';
import { serverKeyOf } from '../execution/endpoints/server-key.js';
import { ServerSearch, type SearchLimits } from '../execution/endpoints/server-search.js';
import type { ResolvedNode, ServerBehind } from '../options/resolve-nodes.js';
import type { NodeProbe, ProbeResult } from '../topology/node-probe.js';
import type { ProbeFunction } from '../topology/probe-function.js';
import type { NodeConnection } from './connection-options.js';
import type { MysqlConnection } from './connection.js';
import { MYSQL_ERRORS, poolTimeout } from './error-kinds.js';
import { isOn, type SwitchValue } from './gtid-cluster.js';
import { identifyServer } from './identify-server.js';
import { inTimeOrCut, openConnection, type ConnectionSource } from './open-connection.js';
import type { MysqlProbeOptions } from './node-probe.js';

interface MysqlEndpointOptions {
  /** How connections of pools and of probes are made. They have different settings, so they are sorted apart. */
  readonly pool: NodeConnection;
  readonly probe: () => ConnectionOptions;
  readonly openNode: (node: ResolvedNode, hooks: NodeHooks, open: ConnectionSource['open']) => NodeAccess;
  readonly createProbe: (
    node: ResolvedNode,
    probe: ProbeFunction | undefined,
    others: Pick<MysqlProbeOptions, 'open' | 'answered'>,
  ) => NodeProbe;
  readonly found: EndpointHooks['found'];
}

/** The time for one attempt to connect a probe; milliseconds. */
const CONNECT_MS = 5_000;
/** How long a probe's connection is searched for. The probe itself gives up sooner, and the search goes on for the next one. */
const PROBE_SEARCH: SearchLimits = { timeoutMs: 10_000, isImpatient: true };
/** The handshake has 32 bits for the number of a connection. */
const HANDSHAKE_BITS = 32;

/** Gives one row: `connection`, the number of the connection that answers; `read_only`, `innodb_read_only`. Needs no privilege. */
const SORT_SQL = `/* nestjs-replica: identity */ SELECT CONNECTION_ID() AS connection, @@global.read_only AS read_only,
  @@global.innodb_read_only AS innodb_read_only`;

interface SortRow {
  readonly connection: number | string;
  readonly read_only: SwitchValue;
  readonly innodb_read_only: SwitchValue;
}

const POOLED =
  'a proxy answers in place of the server (the connection that answers is not the one that was announced), and may lead each ' +
  "statement to another server: give the servers themselves, or a balancer that passes connections on; without servers: 'many', " +
  "the address can be used with sticky: { mode: 'time' }";

/** An endpoint in front of several servers of MariaDB or MySQL. */
export class MysqlEndpoint implements Endpoint {
  readonly #options: MysqlEndpointOptions;
  readonly #pools: ServerSearch<MysqlConnection>;
  readonly #probes: ServerSearch<MysqlConnection>;

  constructor(options: MysqlEndpointOptions) {
    this.#options = options;
    const { pool, probe } = options;
    this.#pools = this.#createSearch(pool);
    this.#probes = this.#createSearch({ config: probe, timeoutMs: CONNECT_MS });
  }

  look(): Promise<void> {
    return this.#probes.look();
  }

  openNode(node: ResolvedNode, hooks: NodeHooks): NodeAccess {
    const { server } = behind(node);
    return this.#options.openNode(node, hooks, async (timeoutMs) => {
      const connection = await this.#pools.want(server, { timeoutMs }).ready;
      connection.keepProcessAlive(true);
      return connection;
    });
  }

  createProbe(node: ResolvedNode, probe: ProbeFunction | undefined): NodeProbe {
    const { server } = behind(node);
    return this.#options.createProbe(node, probe, {
      open: () => this.#probes.want(server, PROBE_SEARCH),
      answered: (result) => this.#answered(result),
    });
  }

  end(): void {
    this.#pools.end();
    this.#probes.end();
  }

  #createSearch(source: ConnectionSource): ServerSearch<MysqlConnection> {
    return new ServerSearch<MysqlConnection>({
      open: () => this.#open(source),
      close: (connection) => connection.close(),
      onLost: ({ driver }, listener) => {
        driver.on('error', listener);
        driver.on('end', listener);
        return () => void driver.removeListener('error', listener).removeListener('end', listener);
      },
      connectionLost: (why) => MYSQL_ERRORS.connectionLost(why),
      timedOut: () => poolTimeout(source.timeoutMs),
      nowMs: () => performance.now(),
    });
  }

  #open(source: ConnectionSource): ConnectionLink<SortedConnection<MysqlConnection>> {
    let isEnded = false;
    let opened: MysqlConnection | undefined;
    const open = async (): Promise<SortedConnection<MysqlConnection>> => {
      const connection = await openConnection(source);
      opened = connection;
      try {
        if (isEnded) throw MYSQL_ERRORS.connectionLost('nobody waits for it any more');
        connection.keepProcessAlive(false);
        return {
          connection,
          server: await inTimeOrCut(connection, source.timeoutMs, this.#sort(connection)),
        };
      } catch (error) {
        connection.cut();
        throw error;
      }
    };
    const end = (): void => {
      isEnded = true;
      opened?.cut();
    };
    return { ready: open(), end };
  }

  /** The key of the server to which a new connection leads. Rejects if that cannot be relied on. */
  async #sort(connection: MysqlConnection): Promise<string> {
    const [row] = (await connection.rows(SORT_SQL)) as unknown as readonly SortRow[];
    const answering = BigInt.asUintN(HANDSHAKE_BITS, BigInt(row?.connection ?? 0));
    const { threadId } = connection.driver as unknown as { readonly threadId: number | null };
    if (BigInt(threadId ?? -1) !== answering) throw new SafeMessageError(POOLED);
    const identity = await identifyServer(connection);
    const isReadOnly = isOn(row?.read_only) || isOn(row?.innodb_read_only);
    this.#options.found({ identity, isReadOnly });
    return serverKeyOf(identity);
  }

  #answered({ identity, isReadOnly }: ProbeResult): void {
    if (identity !== undefined) this.#options.found({ identity, isReadOnly });
  }
}

function behind({ name, behind: server }: ResolvedNode): ServerBehind {
  if (server === undefined) throw new TypeError(`${name} is not behind an endpoint`);
  return server;
}
