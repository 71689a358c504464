import type {
  Answer,
  Classifier,
  Connection,
  ConnectionPool,
  Database,
  ErrorKinds,
  LaneCall,
  LaneConnection,
  NodeAccess,
  PoolLimits,
  PoolListener,
  StatementCall,
  StreamCall,
  TransactionStatus,
} from '../../libs/replica/src/execution/database.js';
import { RoutedClient } from '../../libs/replica/src/execution/routed-client.js';
import type { Statement } from '../../libs/replica/src/execution/statements/statement.js';
import type { NodeCredentials, NodeOptions } from '../../libs/replica/src/options/replica-options.js';
import type { ResolvedNode } from '../../libs/replica/src/options/resolve-nodes.js';
import type { NodeProbe, ProbeResult, ServerIdentity } from '../../libs/replica/src/topology/node-probe.js';

// A database of the tests' own, behind the port: one process, no server, replication by hand. It shows that the port is one, and makes tests
// of all that is neutral fast. Its language: `get KEY`, `set KEY VALUE`, `call set KEY VALUE` (which looks like a read, and is none), `copy ...`
// (the same on a connection of its own),
// `begin`, `commit`, `rollback`.

/** Errors of the toy: `gone`, the connection is lost; `read-only`, a replica refuses to write. */
export class ToyError extends Error {
  constructor(readonly code: 'gone' | 'read-only' | 'syntax') {
    super(code);
  }
}

const codeOf = (error: unknown): unknown => (error as { code?: unknown } | undefined)?.code;
const isGone = (error: unknown): boolean =>
  ['gone', 'REPLICA_NODE_UNAVAILABLE', 'REPLICA_WRONG_SERVER'].includes(String(codeOf(error)));

const ERRORS: ErrorKinds = {
  isConnectionLoss: isGone,
  isConnectionEnd: isGone,
  isCutByServer: () => false,
  isAnswer: (error) => error instanceof ToyError && error.code !== 'gone',
  isUnsent: () => false,
  isSilentLoss: () => false,
  isWorthAnotherNode: isGone,
  isWriteRefusal: (error) => codeOf(error) === 'read-only',
  mayWorkOnPrimary: () => false,
  isPoolTimeout: () => false,
  isLaneRefusal: () => false,
  preparedFailureOf: () => undefined,
  connectionLost: () => new ToyError('gone'),
};

const PLAIN = { mayWrite: false, keepsConnection: false, changesCatalog: false };
const KINDS: Readonly<Record<string, Statement>> = {
  get: { ...PLAIN, kind: 'read' },
  call: { ...PLAIN, kind: 'read' },
  copy: { ...PLAIN, kind: 'read', isCopy: true },
  set: { ...PLAIN, kind: 'write', mayWrite: true },
  begin: { ...PLAIN, kind: 'transaction-control', transaction: 'begin' },
  commit: { ...PLAIN, kind: 'transaction-control', transaction: 'end' },
  rollback: { ...PLAIN, kind: 'transaction-control', transaction: 'end' },
};

class ToyClassifier implements Classifier {
  readonly hasCatalog = true;
  readonly #writes = new Set<string>();

  classify(text: string): Statement {
    const unknown: Statement = { ...PLAIN, kind: 'unknown', mayWrite: true };
    return this.#writes.has(text) ? KINDS['set']! : (KINDS[text.split(' ')[0] ?? ''] ?? unknown);
  }

  rememberAsWrite(text: string): Statement {
    this.#writes.add(text);
    return this.classify(text);
  }

  knowsRelation(): boolean {
    return true;
  }

  loadCatalog(): Promise<{ suspects: readonly string[]; use: () => boolean }> {
    return Promise.resolve({ suspects: [], use: () => false });
  }
}

/** One server of the toy's. Its data is the first `replayed` entries of the log that all servers share. */
export class ToyServer {
  isUp = true;
  replayed = 0;
  /** Every statement that it was asked, in order. */
  readonly asked: string[] = [];
  readonly connections = new Set<ToyConnection>();

  constructor(
    readonly name: string,
    readonly isPrimary: boolean,
    readonly log: (readonly [key: string, value: string])[],
  ) {}

  get position(): number {
    return this.isPrimary ? this.log.length : this.replayed;
  }

  catchUp(): void {
    this.replayed = this.log.length;
  }

  get identity(): ServerIdentity {
    const { name } = this;
    return { system: 'toy', startedAt: '1', incarnation: `${name}/1`, uptimeMs: 1, ownAddress: name };
  }

  /** Ends every connection; nobody can connect until `isUp` is set again. */
  kill(): void {
    this.isUp = false;
    for (const connection of this.connections) connection.isOpen = false;
  }

  read(key: string): string | undefined {
    return this.log.slice(0, this.position).findLast(([name]) => name === key)?.[1];
  }
}

class ToyConnection {
  isOpen = true;
  status: TransactionStatus = 'idle';
  pool!: ToyPool;
  readonly #open: (readonly [string, string])[] = [];

  constructor(readonly server: ToyServer) {
    server.connections.add(this);
  }

  run(text: string): string | undefined {
    const { server } = this;
    if (!this.isOpen) throw new ToyError('gone');
    server.asked.push(text);
    const [verb = '', key = '', value = ''] = text.replace(/^(?:call|copy) /, '').split(' ');
    if (verb === 'get') return this.#open.findLast(([name]) => name === key)?.[1] ?? server.read(key);
    if (verb === 'begin') this.status = 'open';
    else if (verb === 'set' && !server.isPrimary) throw new ToyError('read-only');
    else if (verb === 'set' && this.status === 'open') this.#open.push([key, value]);
    else if (verb === 'set') server.log.push([key, value]);
    else if (verb === 'commit' || verb === 'rollback') this.#end(verb === 'commit');
    else throw new ToyError('syntax');
    return undefined;
  }

  #end(isCommitted: boolean): void {
    if (isCommitted) this.server.log.push(...this.#open);
    this.#open.length = 0;
    this.status = 'idle';
  }
}

const asPort = (connection: ToyConnection): Connection => connection as unknown as Connection;
const toyOf = (connection: Connection): ToyConnection => connection as unknown as ToyConnection;

const LIMITS: PoolLimits = {
  size: 3,
  idleMs: Infinity,
  lifetimeMs: Infinity,
  statementMs: Infinity,
  allowExitOnIdle: true,
};

class ToyPool implements ConnectionPool {
  total = 0;
  readonly expired = 0;
  readonly max = LIMITS.size;
  readonly #idle: ToyConnection[] = [];
  readonly #waiting: ((error: unknown, connection: Connection | undefined) => void)[] = [];

  constructor(
    readonly server: ToyServer,
    readonly listener: PoolListener,
  ) {}

  get idle(): number {
    return this.#idle.length;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  take(callback: (error: unknown, connection: Connection | undefined) => void): void {
    this.#waiting.push(callback);
    queueMicrotask(() => this.#serve());
  }

  giveBack(connection: ToyConnection, isToBeClosed: boolean): void {
    this.listener.returned(asPort(connection));
    if (isToBeClosed || !connection.isOpen || connection.status !== 'idle') {
      this.total--;
      connection.isOpen = false;
      this.listener.closed(asPort(connection));
    } else this.#idle.push(connection);
    this.#serve();
  }

  lostIdle(): void {
    // Nobody listens.
  }

  end(): Promise<void> {
    return Promise.resolve();
  }

  #serve(): void {
    const connection = this.#idle.find(({ isOpen }) => isOpen);
    if (connection === undefined && this.total >= this.max) return;
    const callback = this.#waiting.shift();
    if (callback === undefined) return;
    if (connection === undefined && !this.server.isUp) return callback(new ToyError('gone'), undefined);
    const given = connection ?? this.#connect();
    if (connection !== undefined) this.#idle.splice(this.#idle.indexOf(connection), 1);
    this.listener.taken(asPort(given));
    callback(undefined, asPort(given));
  }

  #connect(): ToyConnection {
    const connection = new ToyConnection(this.server);
    connection.pool = this;
    this.total++;
    this.listener.made(asPort(connection));
    this.listener.identified(asPort(connection), this.server.identity);
    return connection;
  }
}

/** The toy behind the port: one server for each node, by the nodes' names. */
export class ToyDatabase implements Database {
  readonly errors = ERRORS;
  readonly terms = { epoch: 'epoch', readOnly: 'a follower', identityRemedy: 'nothing' };
  readonly servers = new Map<string, ToyServer>();
  readonly #log: (readonly [string, string])[] = [];

  /** The first name is the primary's. */
  constructor(...names: string[]) {
    names.forEach((name, index) => this.servers.set(name, new ToyServer(name, index === 0, this.#log)));
  }

  server(name: string): ToyServer {
    const server = this.servers.get(name);
    if (server === undefined) throw new RangeError(`there is no server ${name}`);
    return server;
  }

  createClassifier(): Classifier {
    return new ToyClassifier();
  }

  openNode({ name }: ResolvedNode): NodeAccess {
    const server = this.server(name);
    return {
      limits: LIMITS,
      laneObstacle: 'a toy has no lanes',
      isEachConnectionPrepared: false,
      openPool: (listener) => new ToyPool(server, listener),
      answersAnew: () => Promise.resolve(server.isUp),
      askUptime: () => Promise.resolve(server.isUp ? 'unknown' : 'gone'),
    };
  }

  createProbe({ name }: ResolvedNode): NodeProbe {
    const server = this.server(name);
    return {
      probe: (): Promise<ProbeResult> =>
        server.isUp
          ? Promise.resolve({
              isReadOnly: !server.isPrimary,
              position: BigInt(server.position),
              epoch: 1,
              isStreaming: !server.isPrimary,
              identity: server.identity,
            })
          : Promise.reject(new ToyError('gone')),
      reconnect: () => undefined,
      close: () => Promise.resolve(),
    };
  }

  async run(connection: Connection, [text]: readonly unknown[]): Promise<Answer> {
    // As over a network: the answer comes in a later turn.
    await new Promise((resolve) => setImmediate(resolve));
    return toyOf(connection).run(text as string) as unknown as Answer;
  }

  stream(_: Connection, stream: StreamCall): Promise<void> {
    stream.fail(new ToyError('syntax'));
    return Promise.resolve();
  }

  release(connection: Connection, error?: Error): void {
    toyOf(connection).pool.giveBack(toyOf(connection), error !== undefined);
  }

  statusOf(connection: Connection): TransactionStatus {
    return toyOf(connection).status;
  }

  reset(): Promise<void> {
    return Promise.resolve();
  }

  cut(connection: Connection): boolean {
    const { isOpen } = toyOf(connection);
    toyOf(connection).isOpen = false;
    return isOpen;
  }

  keepProcessAlive(): void {
    // There is no socket.
  }

  onEnd(): () => void {
    return () => undefined;
  }

  forwardEvents(): void {
    // There is no socket.
  }

  openLane(): LaneConnection {
    throw new Error('a toy has no lanes');
  }

  laneCallOf(): LaneCall | undefined {
    return undefined;
  }

  leavesState(): boolean {
    return false;
  }

  rolledBack(): Answer {
    return undefined as unknown as Answer;
  }

  rowsOf(): readonly Record<string, unknown>[] {
    return [];
  }

  withConnectionOf(_: NodeCredentials, node: NodeOptions): NodeOptions {
    return node;
  }

  formatPosition(position: bigint): string {
    return String(position);
  }

  patternOf(text: string): string {
    return text;
  }

  nameInCatalog(name: string): string {
    return name;
  }
}

/** A client of the toy's: texts in, values out. */
export class ToyClient extends RoutedClient {
  query(text: string): Promise<string | undefined> {
    const call: StatementCall = { text, args: [text] };
    return this.run(call) as Promise<unknown> as Promise<string | undefined>;
  }
}
