import type { EventEmitter } from 'node:events';
import type pg from 'pg';
import { callersContext } from '../context/callers-context.js';
import type {
  Answer,
  Connection,
  Database,
  NodeHooks,
  StreamCall,
  TransactionStatus,
} from '../execution/database.js';
import type { Statement } from '../execution/statements/statement.js';
import type { NodeCredentials, NodeOptions } from '../options/replica-options.js';
import type { ResolvedNode } from '../options/resolve-nodes.js';
import type { Position } from '../session/position.js';
import type { NodeProbe } from '../topology/node-probe.js';
import type { ProbeFunction } from '../topology/probe-function.js';
import { withConnectionOf, poolConfig, probeConfig, type PoolSettings } from './connection-options.js';
import { cutSocket, clientOf, connectionOf, idleAgain } from './connection.js';
import { POSTGRES_ERRORS } from './error-kinds.js';
import { PgLane } from './lanes/lane-connection.js';
import { laneCallOf, type PgLaneCall } from './lanes/lane-query.js';
import { PgPreparedStatements } from './lanes/prepared-statements.js';
import { PostgresAccess } from './node-access.js';
import { PostgresProbe } from './node-probe.js';
import { PgPiggyback } from './piggyback.js';
import { PoolEvents } from './pool-events.js';
import { formatLsn } from './positions.js';
import { queryWith, type PgStream } from './query-call.js';
import { StatementClassifier } from './statements/index.js';
import { cutName } from './statements/names.js';
import { POSTGRES_TERMS } from './terms.js';

/** What the server says of a connection after each statement: idle, in a transaction, in a failed transaction. */
type ReadyStatus = 'I' | 'T' | 'E';

const STATUSES: Readonly<Record<ReadyStatus, TransactionStatus>> = { I: 'idle', T: 'open', E: 'failed' };

const FORWARDED = ['notification', 'notice', 'end'] as const;

/** Settings until the end of the transaction, as row level security is often told whom it serves. */
const LOCAL_SETTING = String.raw`(?:pg_catalog\.)?set_config\s*\([^()]*,\s*true\s*\)(?:\s+as\s+"?\w+"?)?`;
const LOCAL_SETTINGS = new RegExp(
  String.raw`^\s*select\s+${LOCAL_SETTING}(?:\s*,\s*${LOCAL_SETTING})*\s*;?\s*$`,
  'i',
);
/** Longer ones are not looked at. */
const MAX_CHARACTERS = 1_000;

/** PostgreSQL behind the port, by `pg`. */
export class PostgresDatabase implements Database {
  readonly errors = POSTGRES_ERRORS;
  readonly terms = POSTGRES_TERMS;
  readonly piggyback = new PgPiggyback();
  /** Who hears of the connections of all nodes. */
  readonly poolEvents = new PoolEvents();
  readonly #settings: PoolSettings;
  readonly #statuses = new WeakMap<Connection, { value: ReadyStatus }>();
  readonly #prepared = new WeakMap<Connection, PgPreparedStatements>();

  /** @param settings what the pools of all nodes share */
  constructor(settings: PoolSettings) {
    this.#settings = settings;
  }

  createClassifier(): StatementClassifier {
    return new StatementClassifier();
  }

  openNode(node: ResolvedNode, { onIdleError, check, outside }: NodeHooks): PostgresAccess {
    const settings = this.#settings;
    const { name } = node;
    return new PostgresAccess({
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
    });
  }

  createProbe(node: ResolvedNode, probe: ProbeFunction | undefined): NodeProbe {
    const { name, address } = node;
    const subject = probe === undefined ? undefined : { name, address, probe };
    return new PostgresProbe(probeConfig(node, this.#settings), subject);
  }

  withConnectionOf(primary: NodeCredentials, node: NodeOptions): NodeOptions {
    return withConnectionOf(primary, node);
  }

  formatPosition(position: Position): string {
    return formatLsn(position);
  }

  nameInCatalog(name: string): string {
    // Where the cut depends on the server's encoding, no statement with the name counts as a read.
    return cutName(name) ?? name;
  }

  rowsOf(answer: Answer): readonly Record<string, unknown>[] {
    return (answer as unknown as pg.QueryResult<Record<string, unknown>>).rows;
  }

  /** From now on the status of this connection is known. `answered` is called after each statement. */
  watch(client: pg.ClientBase, answered: () => void): void {
    const status = { value: 'I' as ReadyStatus };
    this.#statuses.set(connectionOf(client), status);
    const { connection } = client as unknown as { connection: EventEmitter };
    connection.on('readyForQuery', (message: { status: ReadyStatus }) => {
      status.value = message.status;
      answered();
    });
  }

  run(connection: Connection, args: readonly unknown[]): Promise<Answer> {
    return queryWith(clientOf(connection), args) as Promise<unknown> as Promise<Answer>;
  }

  async stream(connection: Connection, stream: StreamCall): Promise<void> {
    const client = clientOf(connection);
    const ended = idleAgain(client);
    const takeContextBack = lendContext(client);
    client.query((stream as PgStream).submittable as unknown as pg.Submittable);
    await ended;
    takeContextBack();
  }

  release(connection: Connection, error?: Error): void {
    clientOf(connection).release(error);
  }

  statusOf(connection: Connection): TransactionStatus {
    return STATUSES[this.#statuses.get(connection)?.value ?? 'I'];
  }

  async reset(connection: Connection): Promise<void> {
    await this.run(connection, ['DISCARD ALL']);
    // `pg` remembers what it has prepared.
    const { connection: inside } = clientOf(connection) as unknown as { connection: object };
    Object.assign(inside, { parsedStatements: {} });
    this.#prepared.delete(connection);
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

  forwardEvents(
    connection: Connection,
    owner: EventEmitter,
    onError: (error: unknown) => boolean,
  ): () => void {
    const client = clientOf(connection);
    const listeners: (readonly [string, (...args: unknown[]) => void])[] = [
      [
        'error',
        (error) => {
          if (onError(error) && owner.listenerCount('error') > 0) owner.emit('error', error);
        },
      ],
      ...FORWARDED.map((event) => [event, (...args: unknown[]) => void owner.emit(event, ...args)] as const),
    ];
    for (const [event, listener] of listeners) client.on(event as 'error', listener);
    return () => {
      for (const [event, listener] of listeners) client.removeListener(event, listener);
    };
  }

  openLane(connection: Connection, maxPrepared: number, onLost: (error: unknown) => void): PgLane {
    const client = clientOf(connection);
    let prepared = this.#prepared.get(connection);
    if (prepared === undefined) {
      prepared = new PgPreparedStatements(client, maxPrepared);
      this.#prepared.set(connection, prepared);
    }
    return new PgLane(client, prepared, onLost);
  }

  laneCallOf(args: readonly unknown[]): PgLaneCall | undefined {
    return laneCallOf(args);
  }

  leavesState(statement: Statement, text: string): boolean {
    return leavesState(statement, text);
  }

  rolledBack(): Answer {
    const result: pg.QueryResult = { command: 'ROLLBACK', rowCount: 0, oid: 0, rows: [], fields: [] };
    return result as unknown as Answer;
  }
}

/**
 * Until the function that it gives is called, all that a connection's socket brings is handled in the context of the caller: rows,
 * the end, errors. What emits and calls back by itself (a stream, a cursor, COPY) then does so for whoever runs it; else Node
 * would run it in the context in which the connection was opened.
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

/** A statement that has succeeded leaves something on its connection that the end of the transaction does not take off. */
export function leavesState({ keepsConnection }: Statement, text: string): boolean {
  return keepsConnection && (text.length > MAX_CHARACTERS || !LOCAL_SETTINGS.test(text));
}
