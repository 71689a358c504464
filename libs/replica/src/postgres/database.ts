import type { EventEmitter } from 'node:events';
import type pg from 'pg';
import { callersContext } from '../context/callers-context.js';
import {
  callAtOnce,
  type Answer,
  type Connection,
  type Database,
  type EndpointHooks,
  type NodeHooks,
  type Outside,
  type PreparedStatement,
  type StreamCall,
  type TransactionStatus,
} from '../execution/database.js';
import { forwardEvents, type ConnectionOwner } from '../execution/forward-events.js';
import type { Statement } from '../execution/statements/statement.js';
import type { ResolvedNode } from '../options/resolve-nodes.js';
import type { NodeProbe } from '../topology/node-probe.js';
import type { ProbeFunction } from '../topology/probe-function.js';
import { PoolEvents, type ConnectionPoolOptions } from './connection-pool.js';
import { withConnectionOf, poolConfig, probeConfig, type PoolSettings } from './connection-options.js';
import { cutSocket, clientOf, connectionOf, nextIdle } from './connection.js';
import { POSTGRES_ERRORS } from './error-kinds.js';
import { PgLane } from './lanes/lane-connection.js';
import { laneCallOf } from './lanes/lane-query.js';
import { PG_PREPARED_WRITES, runPrepared } from './lanes/prepared-write.js';
import { forgetStatementsOf, preparedStatementsOf } from './lanes/prepared-statements.js';
import { PostgresAccess } from './node-access.js';
import { PgEndpoint } from './endpoint.js';
import { PostgresProbe, subjectOf } from './node-probe.js';
import { openProbeLink } from './probe-connection.js';
import { PgPiggyback } from './piggyback.js';
import { formatLsn } from './positions.js';
import { queryWith, type PgStream } from './query-call.js';
import { patternOf } from './statements/pattern-of.js';
import { StatementClassifier } from './statements/statement-classifier.js';
import { cutName } from './statements/names.js';
import { POSTGRES_TERMS } from './terms.js';
import { PgTransactionDurability } from './transaction-durability.js';

/** The status that the server sends after each statement: idle, in a transaction, in a failed transaction. */
type ReadyStatus = 'I' | 'T' | 'E';

const STATUSES: Readonly<Record<ReadyStatus, TransactionStatus>> = { I: 'idle', T: 'open', E: 'failed' };

const FORWARDED_EVENTS = ['notification', 'notice', 'end'] as const;

/** A setting that ends with the transaction. Applications often use it to tell row-level security which user they serve. */
const LOCAL_SETTING = String.raw`(?:pg_catalog\.)?set_config\s*\([^()]*,\s*true\s*\)(?:\s+as\s+"?\w+"?)?`;
const LOCAL_SETTINGS = new RegExp(
  String.raw`^\s*select\s+${LOCAL_SETTING}(?:\s*,\s*${LOCAL_SETTING})*\s*;?\s*$`,
  'i',
);
/** Longer statements are not searched, and count as leaving state behind. */
const MAX_LOCAL_SETTINGS_LENGTH = 1_000;

/** PostgreSQL behind the port, through `pg`. */
export class PostgresDatabase implements Database {
  readonly errors = POSTGRES_ERRORS;
  readonly terms = POSTGRES_TERMS;
  readonly piggyback = new PgPiggyback();
  readonly preparedWrites = PG_PREPARED_WRITES;
  readonly durability = new PgTransactionDurability();
  readonly withConnectionOf = withConnectionOf;
  readonly formatPosition = formatLsn;
  readonly patternOf = patternOf;
  readonly laneCallOf = laneCallOf;
  /** Forwards the pool events of all nodes. */
  readonly poolEvents = new PoolEvents();
  readonly #settings: PoolSettings;
  readonly #statuses = new WeakMap<Connection, { value: ReadyStatus }>();

  /** @param settings the settings that the pools of all nodes share */
  constructor(settings: PoolSettings) {
    this.#settings = settings;
  }

  createClassifier(): StatementClassifier {
    return new StatementClassifier();
  }

  openNode(node: ResolvedNode, hooks: NodeHooks): PostgresAccess {
    return new PostgresAccess(this.poolOptions(node, hooks));
  }

  openEndpoint(node: ResolvedNode, hooks: EndpointHooks): PgEndpoint {
    const settings = this.#settings;
    return new PgEndpoint({
      pool: poolConfig(node, settings),
      probe: probeConfig(node, settings),
      poolOptions: (server, nodeHooks) => this.poolOptions(server, nodeHooks),
      found: hooks.found,
    });
  }

  poolOptions(node: ResolvedNode, { onIdleError, check, outside }: NodeHooks): ConnectionPoolOptions {
    const settings = this.#settings;
    const { name } = node;
    return {
      database: this,
      config: poolConfig(node, settings),
      onIdleError: (error) => {
        onIdleError();
        settings.onIdleError(error, name);
      },
      onConnect: settings.onConnect,
      events: { of: this.poolEvents, node: name },
      check,
      outside,
    };
  }

  createProbe(node: ResolvedNode, probe: ProbeFunction | undefined): NodeProbe {
    const config = probeConfig(node, this.#settings);
    return new PostgresProbe((lost) => openProbeLink(config, lost), { subject: subjectOf(node, probe) });
  }

  nameInCatalog(name: string): string {
    // If the cut depends on the server's encoding, no statement that uses the name counts as a read.
    return cutName(name) ?? name;
  }

  rowsOf(answer: Answer): readonly Record<string, unknown>[] {
    return (answer as unknown as pg.QueryResult<Record<string, unknown>>).rows;
  }

  /** Starts to track the transaction status of a connection. Calls `answered` after each statement. */
  watch(client: pg.ClientBase, answered: () => void): void {
    const status = { value: 'I' as ReadyStatus };
    this.#statuses.set(connectionOf(client), status);
    this.durability.watch(client);
    const { connection } = client as unknown as { connection: EventEmitter };
    connection.on('readyForQuery', (message: { status: ReadyStatus }) => {
      status.value = message.status;
      answered();
    });
  }

  run(connection: Connection, args: readonly unknown[], prepared?: PreparedStatement): Promise<Answer> {
    const client = clientOf(connection);
    if (prepared !== undefined) return runPrepared(client, args, prepared);
    return queryWith(client, args) as Promise<unknown> as Promise<Answer>;
  }

  async stream(connection: Connection, stream: StreamCall, quietly: Outside = callAtOnce): Promise<void> {
    const client = clientOf(connection);
    const ended = nextIdle(client);
    const restoreContext = lendContext(client);
    quietly(() => client.query((stream as PgStream).submittable as unknown as pg.Submittable));
    await ended;
    restoreContext();
  }

  release(connection: Connection, error?: Error): void {
    clientOf(connection).release(error);
  }

  statusOf(connection: Connection): TransactionStatus {
    return STATUSES[this.#statuses.get(connection)?.value ?? 'I'];
  }

  async reset(connection: Connection): Promise<void> {
    await this.run(connection, ['DISCARD ALL']);
    forgetStatementsOf(clientOf(connection));
  }

  cut(connection: Connection): boolean {
    return cutSocket(clientOf(connection));
  }

  keepProcessAlive(connection: Connection, isKept: boolean): void {
    const client = clientOf(connection) as Partial<Record<'ref' | 'unref', () => void>>;
    client[isKept ? 'ref' : 'unref']?.();
  }

  onEnd(connection: Connection, listener: () => void): () => void {
    const client = clientOf(connection);
    client.on('end', listener);
    return () => client.removeListener('end', listener);
  }

  forwardEvents(connection: Connection, owner: ConnectionOwner | undefined): void {
    forwardEvents(clientOf(connection), FORWARDED_EVENTS, owner);
  }

  openLane(connection: Connection, maxPrepared: number, onLost: (error: unknown) => void): PgLane {
    const client = clientOf(connection);
    return new PgLane(client, preparedStatementsOf(client, maxPrepared), onLost);
  }

  leavesState({ keepsConnection }: Statement, text: string): boolean {
    return keepsConnection && (text.length > MAX_LOCAL_SETTINGS_LENGTH || !LOCAL_SETTINGS.test(text));
  }

  rolledBack(): Answer {
    const result: pg.QueryResult = { command: 'ROLLBACK', rowCount: 0, oid: 0, rows: [], fields: [] };
    return result as unknown as Answer;
  }
}

/**
 * Handles everything that a connection's socket emits (rows, the end, errors) in the caller's async context, until the returned function
 * is called. A stream, a cursor or COPY then emits events for the code that runs it. Node would otherwise use the context in which the
 * connection was opened.
 */
function lendContext(client: pg.ClientBase): () => void {
  const socket = (client as unknown as { connection?: { stream?: EventEmitter } }).connection?.stream;
  if (socket === undefined) return () => undefined;
  const callForCaller = callersContext();
  const before = Object.getOwnPropertyDescriptor(socket, 'emit');
  // oxlint-disable-next-line typescript/unbound-method -- called with its socket
  const { emit } = socket;
  socket.emit = (...args: Parameters<EventEmitter['emit']>) => callForCaller(emit, socket, ...args);
  return () => {
    if (before === undefined) Reflect.deleteProperty(socket, 'emit');
    else Object.defineProperty(socket, 'emit', before);
  };
}
