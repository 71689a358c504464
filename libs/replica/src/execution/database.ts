import type { Durability } from '../routing/durability.js';
import type { NodeCredentials, NodeOptions } from '../options/replica-options.js';
import type { ResolvedNode } from '../options/resolve-nodes.js';
import type { Position } from '../session/position.js';
import type { DatabaseTerms } from '../topology/monitor-settings.js';
import type { NodeProbe, ProbeResult, ServerIdentity } from '../topology/node-probe.js';
import type { ProbeFunction } from '../topology/probe-function.js';
import type { ConnectionOwner } from './forward-events.js';
import type { Statement } from './statements/statement.js';

/**
 * The port: everything that differs between databases. All of `execution/` works through it and knows no driver. Each database
 * implements it in a folder of its own.
 */
export interface Database extends ConnectionOperations, NodeOpener {
  readonly errors: ErrorKinds;
  /** The database's own words, for messages to operators. */
  readonly terms: DatabaseTerms;
  /** A new classifier. It does not know the application's own functions and tables yet. */
  createClassifier(): Classifier;
  /**
   * Finds the servers that answer behind one address. Opens no connection yet. Absent if the database cannot tell such servers
   * apart; then the options refuse `servers: 'many'`.
   */
  openEndpoint?(node: ResolvedNode, hooks: EndpointHooks): Endpoint;
  /**
   * Completes the options of a node that is given by its host: whatever they do not say about connecting comes from the primary.
   * A node with a `url` of its own stays as it is.
   */
  withConnectionOf(primary: NodeCredentials, node: NodeOptions): NodeOptions;
  /** A position as people write it. */
  formatPosition(position: Position): string;
  /** The text with `?` in place of each literal and parameter, without comments, and with lists of values folded. Never throws. */
  patternOf(text: string): string;
  /** A name as the catalog stores it. The database may cut off long names. */
  nameInCatalog(name: string): string;
  /** The rows that a query of the library's own returned. */
  rowsOf(answer: Answer): readonly Record<string, unknown>[];
  /** Fetches the position of a write together with the write's answer. Absent if the database cannot do that. */
  readonly piggyback?: Piggyback;
  /** Absent if writes are never prepared. */
  readonly preparedWrites?: PreparedWriteSupport;
  /** Says what COMMIT waits for. Absent if the database cannot do that for a single transaction. */
  readonly durability?: TransactionDurability;
  /**
   * Whether a read of this text, which was answered before, may end the whole server all the same: with other values. Absent: a read can
   * end no more than its own process.
   */
  mayEndServer?(text: string): boolean;
  /** Whether a statement that has succeeded leaves something on its connection that outlives the transaction. */
  leavesState(statement: Statement, text: string): boolean;
  /** The driver's result of a ROLLBACK, for a transaction that the server has already rolled back. A new object each time. */
  rolledBack(): Answer;
}

/** Describes how to reach nodes. */
export interface NodeOpener {
  /** Describes how to connect to a node. Opens no connection yet. */
  openNode(node: ResolvedNode, hooks: NodeHooks): NodeAccess;
  /** Asks a node who it is and where it stands, on a connection of its own. Then the user's own `probe` runs, if there is one. */
  createProbe(node: ResolvedNode, probe: ProbeFunction | undefined): NodeProbe;
}

/** A server that a connection through an endpoint has led to. */
export interface FoundServer {
  readonly identity: ServerIdentity;
  /** It refuses writes, because it follows another one. */
  readonly isReadOnly: boolean;
}

/** A name or a balancer behind which several servers answer. Its nodes are the servers that connections lead to. */
export interface Endpoint extends NodeOpener {
  /** Makes one connection, wherever it leads. Rejects if that fails, or if servers behind the endpoint cannot be told apart. */
  look(): Promise<void>;
  /** Closes the connections that no node has. */
  end(): void;
}

/** What an endpoint needs. */
export interface EndpointHooks {
  /** Called whenever a new connection or a probe has reached a server. */
  readonly found: (server: FoundServer) => void;
}

declare const opaque: unique symbol;

/** One physical connection to a node. Only the database's own folder looks inside. */
export interface Connection {
  readonly [opaque]: 'connection';
}

/** The driver's result of a statement. The application gets it unchanged. */
export interface Answer {
  readonly [opaque]: 'answer';
}

/** A statement as the application passed it in. */
export interface StatementCall {
  /** The SQL. Empty if the call only names a prepared statement. */
  readonly text: string;
  /** The driver's own arguments, without the callback. */
  readonly args: readonly unknown[];
}

/** A statement whose rows the application fetches bit by bit: a stream or a cursor of the driver's. */
export interface StreamCall {
  readonly text: string;
  /** Whether the application has abandoned it. */
  readonly isDestroyed: boolean;
  /** Tells the application that the stream cannot run. */
  fail(error: unknown): void;
}

/** Operations on a single connection. */
export interface ConnectionOperations {
  /** `prepared`: sends the call as this statement. It must be a {@link LaneCall} then. */
  run(connection: Connection, args: readonly unknown[], prepared?: PreparedStatement): Promise<Answer>;
  /**
   * Runs a stream. Resolves when the connection is idle again or gone. Events of the stream run in the caller's context; `quietly`
   * calls the driver itself.
   */
  stream(connection: Connection, stream: StreamCall, quietly?: Outside): Promise<void>;
  /** Returns a connection to its pool. With an error, the connection is closed. */
  release(connection: Connection, error?: Error): void;
  /** The transaction status that the server reported last. */
  statusOf(connection: Connection): TransactionStatus;
  /** Removes everything that statements have left on the connection. If this rejects, the connection must be closed. */
  reset(connection: Connection): Promise<void>;
  /** Destroys the socket and so rejects everything that waits on the connection. Returns whether the socket was still open. */
  cut(connection: Connection): boolean;
  /** Sets whether this connection alone keeps the process alive. */
  keepProcessAlive(connection: Connection, isKept: boolean): void;
  /** Calls `listener` when the connection has ended. Returns a function that stops listening. */
  onEnd(connection: Connection, listener: () => void): () => void;
  /** Forwards the driver's events of a connection to its owner from now on; `undefined`: to nobody. */
  forwardEvents(connection: Connection, owner: ConnectionOwner | undefined): void;
  /**
   * Turns a connection into a lane, on which several reads may be under way. `onLost` is called when the connection is lost,
   * perhaps more than once. At most `maxPrepared` statements stay prepared.
   */
  openLane(connection: Connection, maxPrepared: number, onLost: (error: unknown) => void): LaneConnection;
  /** The call in the form that lanes take. `undefined` if it needs more than a lane offers. */
  laneCallOf(args: readonly unknown[]): LaneCall | undefined;
}

/** Whether a transaction is open on a connection. `failed`: it is open, but can only be rolled back. */
export type TransactionStatus = 'idle' | 'open' | 'failed';

/** A read in the form that lanes take, on any connection. {@link ConnectionOperations.run} also accepts it as an argument. */
export interface LaneCall {
  readonly text: string;
}

export interface LaneConnection {
  readonly prepared: PreparedStatements;
  /**
   * Sends a read at once. The server answers reads in order, and `settled` is called once for each. If it is called before `send`
   * returns, the read could not be sent.
   */
  send(
    call: LaneCall,
    prepared: PreparedStatement | undefined,
    settled: (error: unknown, answer: Answer) => void,
  ): void;
  /** Turns the lane back into an ordinary connection. No read may be under way. */
  close(): void;
}

export interface PreparedStatement {
  readonly name: string;
}

/** A text that may be prepared. */
export interface PreparableText {
  /** Identifies the text, in 32 letters. */
  readonly digest: string;
}

export interface PreparedStatements {
  /**
   * What to send the text as. Call this right before you send the text, and only then. `undefined` while the same text is being
   * prepared, so that only one read fails if that goes wrong.
   */
  use(text: PreparableText): PreparedStatement | undefined;
  /** Whether the server has confirmed that it knows the name. */
  isPrepared(name: string): boolean;
  /** The server does not have the statement, or can no longer run it. Returns whether this was news. */
  forget(text: PreparableText, name: string): boolean;
  /** The server has lost one statement, so it may have lost them all. Returns whether this was news. */
  forgetAll(text: PreparableText, name: string): boolean;
}

/** Prepares writes that come again and again. */
export interface PreparedWriteSupport {
  /** The call in the form in which it can be prepared. `undefined`: prepared, it could mean something else. */
  callOf(args: readonly unknown[]): LaneCall | undefined;
  /** The statements that are prepared on a connection, at most `max` at once. */
  statementsOf(connection: Connection, max: number): PreparedStatements;
  /** Why a statement of this name failed before it began; `undefined` if it may have begun. */
  failureOf(error: unknown, name: string): 'changed' | 'lost' | undefined;
}

/** A statement as a driver is to send it. */
export interface SentCall {
  readonly args: readonly unknown[];
  /** See {@link ConnectionOperations.run}. */
  readonly prepared?: PreparedStatement;
}

/** Learns a write's position on the write's own connection, together with the write's answer. */
export interface Piggyback {
  /**
   * Whether the position takes a statement of its own, which is sent behind the write. If not, the answer of each write tells it
   * anyway.
   */
  readonly isExtraStatement: boolean;
  /** First learns what it needs to know about the server. Rejects if that fails. */
  start(query: CatalogQuery): Promise<void>;
  /** Whether the driver can ask behind this statement, on this connection. */
  canAsk(connection: Connection, args: readonly unknown[]): boolean;
  /**
   * Like {@link ConnectionOperations.run}, but also learns the position of the statement, which must leave no transaction open.
   * `told` is called before the statement's promise settles, with the answer or with the reason why there is none. It is not called
   * if the server tells no position because nothing was written.
   */
  run(
    connection: Connection,
    call: SentCall,
    told: (failure: unknown, read: (() => ProbeResult) | undefined) => void,
  ): Promise<Answer>;
  /** Whether later questions may work although one failed with this error, such as a time-out that somebody has set. */
  isHarmless(failure: unknown): boolean;
}

/** Says what the COMMIT of one transaction waits for. */
export interface TransactionDurability {
  /** The text that tells it to the open transaction. */
  textOf(durability: Durability): string;
  /** Why COMMIT would not wait for it, as the answer to that text tells; `undefined`: it will. */
  obstacleIn(answer: Answer, durability: Durability): 'no-standby' | undefined;
  /** Whether a COMMIT on this connection succeeded although its wait for standbys was cancelled, since this was last asked. */
  takeCancelled(connection: Connection): boolean;
}

/** What an error of the driver or of its socket means. */
export interface ErrorKinds {
  /** The connection is gone, or none could be opened. */
  isConnectionLoss(error: unknown): boolean;
  /** The server has ended the session, and says that it rolled back any open transaction. */
  isCutByServer(error: unknown): boolean;
  /** Nothing more can run on this connection, whatever the reason. */
  isConnectionEnd(error: unknown): boolean;
  /** The node answered, if only with an error. That, too, reveals what is in the database: a key that exists, a row that is locked. */
  isAnswer(error: unknown): boolean;
  /** The driver did not send the statement, because it already knew that the connection was gone. */
  isUnsent(error: unknown): boolean;
  /** The connection was lost while the statement ran, and nobody said why. Its server process may have crashed. */
  isSilentLoss(error: unknown): boolean;
  /** Makes an error that the driver's own code and this library recognize as a lost connection. */
  connectionLost(why: string): Error;
  /** A read that failed with this error may succeed on another node. */
  isWorthAnotherNode(error: unknown): boolean;
  /** The node refused to write because it is a replica. */
  isWriteRefusal(error: unknown): boolean;
  /** A replica refused what the primary may well answer: something that does not work on replicas, or a name newer than its data. */
  mayWorkOnPrimary(error: unknown): boolean;
  /** A pool could not provide a connection in time. */
  isPoolTimeout(error: unknown): boolean;
  /** Something between here and the server cannot handle several statements at once. */
  isLaneRefusal(error: unknown): boolean;
  /** Whether a statement failed because its table has changed since it was prepared, or because the server has lost it. */
  preparedFailureOf(error: unknown): 'changed' | 'lost' | undefined;
}

export interface NodeHooks {
  /** Called when an idle connection breaks. */
  readonly onIdleError: () => void;
  readonly check?: ServerCheck;
  readonly outside?: Outside;
  /** Whether the node is a replica at this moment, so that its connections must not write. If absent, it is not. */
  readonly isReplica?: () => boolean;
}

/** How the connections of one node are made. */
export interface NodeAccess {
  readonly limits: PoolLimits;
  /** Why its connections cannot be lanes, in words for people. `undefined`: they can. */
  readonly laneObstacle: string | undefined;
  /** Whether somebody sets up each new connection in a way that a reset would undo. */
  readonly isEachConnectionPrepared: boolean;
  /** A pool of connections to the node. Opens none yet. */
  openPool(listener: PoolListener): ConnectionPool;
  /** Whether the node answers on a new connection within `timeoutMs` milliseconds. Never rejects; `false` if aborted. */
  answersAnew(timeoutMs: number, signal: AbortSignal): Promise<boolean>;
  /** Asks on a new connection how long the server has been running. Never rejects. */
  askUptime(): Promise<Uptime>;
}

/** The limits of a pool. Times are in milliseconds, `Infinity` for no limit. */
export interface PoolLimits {
  readonly size: number;
  /** How long a connection may stay idle. */
  readonly idleMs: number;
  /** How long a connection may be used in all. */
  readonly lifetimeMs: number;
  /** How long the pool's own settings let a statement run. Of the server's limit and the driver's, the shorter one. */
  readonly statementMs: number;
  /** Whether the process may exit while only idle connections are open. */
  readonly allowExitOnIdle: boolean;
}

/** How long a server has been running, in milliseconds. */
interface RunTime {
  /** Since it started. */
  readonly runningMs: number;
  /** Since it started, or since it recovered from a crash of one of its processes. */
  readonly wellMs: number;
}

/** `gone`: nothing listens at the server's address. `unknown`: the server does not say. */
export type Uptime = RunTime | 'gone' | 'unknown';

export interface ConnectionPool {
  readonly total: number;
  readonly idle: number;
  readonly waiting: number;
  /** How many are too old to be handed out again. */
  readonly expired: number;
  readonly max: number;
  /** A new connection may take long, because it may lead to another server first. Absent: it does not. */
  readonly growsSlowly?: boolean;
  /** Calls back with a connection as soon as there is one, or with the error that explains why there is none. */
  take(callback: (error: unknown, connection: Connection | undefined) => void): void;
  /** A connection was lost that is checked out, but was doing nothing. The pool reports it as an idle connection that broke. */
  lostIdle(error: Error, connection: Connection): void;
  /** Hands out no more connections. Resolves when every connection has been returned and closed. */
  end(): Promise<void>;
}

/** Learns what happens in a pool. */
export interface PoolListener {
  /** A connection was opened. It has not been handed out yet. */
  made(connection: Connection): void;
  /** The server at the other end said who it is. `undefined`: it does not say. */
  identified(connection: Connection, identity: ServerIdentity | undefined): void;
  taken(connection: Connection): void;
  returned(connection: Connection): void;
  closed(connection: Connection): void;
  /** Some statement was answered on one of the connections. */
  answered(): void;
  /** Before it closed this connection, the server said that another of its processes had crashed. The error will have this `code`. */
  crashed(connection: Connection, code: string): void;
}

/** Decides to which servers a node's connections may lead. */
export interface ServerCheck {
  /** Whether the check is needed at all. Asked for each new connection. */
  readonly isOn: () => boolean;
  /**
   * Why a new connection to the server with this identity must not be used; `undefined` if it may be used. Returns a promise if
   * it has to find out first. The promise never rejects.
   */
  readonly objectionTo: (
    identity: ServerIdentity | undefined,
  ) => string | undefined | Promise<string | undefined>;
}

/** Runs a query of the library's own and returns its rows. */
export type CatalogQuery = (sql: string) => Promise<readonly Record<string, unknown>[]>;

/** Tells what a SQL text may do. */
export interface Classifier {
  /** Whether the database's functions and tables are known. Until they are, no statement counts as a harmless read. */
  readonly hasCatalog: boolean;
  classify(text: string): Statement;
  /** From now on the text is a write, because a replica refused it as one. Returns the new classification. */
  rememberAsWrite(text: string): Statement;
  /** Whether any schema has a table or view of that name, as far as the catalog is known. */
  knowsRelation(name: string): boolean;
  /** Loads the catalog. Rejects if that fails. */
  loadCatalog(query: CatalogQuery): Promise<LoadedCatalog>;
}

/** A catalog that has been loaded, but is not in use yet. */
export interface LoadedCatalog {
  /** What keeps all reads on the primary, in words. Empty if nothing does. */
  readonly suspects: readonly string[];
  /** Puts the catalog to use. Returns whether it contains anything new. */
  use(): boolean;
}

/** Calls a function outside any request. */
export type Outside = <T>(fn: () => T) => T;

export const callAtOnce: Outside = (fn) => fn();
