import type { EventEmitter } from 'node:events';
import type { NodeCredentials, NodeOptions } from '../options/replica-options.js';
import type { ResolvedNode } from '../options/resolve-nodes.js';
import type { Position } from '../session/position.js';
import type { DatabaseTerms } from '../topology/monitor-settings.js';
import type { NodeProbe, ProbeResult, ServerIdentity } from '../topology/node-probe.js';
import type { ProbeFunction } from '../topology/probe-function.js';
import type { Statement } from './statements/statement.js';

/**
 * The port: all that differs between databases. Everything in `execution/` works through it and knows no driver; each database is a
 * folder of its own that implements it.
 */
export interface Database extends ConnectionOperations {
  readonly errors: ErrorKinds;
  /** Words for what operators are told. */
  readonly terms: DatabaseTerms;
  /** Knows nothing of the application's own functions and tables yet. */
  createClassifier(): Classifier;
  /** How connections to a node are made. Makes none yet. */
  openNode(node: ResolvedNode, hooks: NodeHooks): NodeAccess;
  /** Asks a node who and where it is, on a connection of its own; then runs the user's own probe, where there is one. */
  createProbe(node: ResolvedNode, probe: ProbeFunction | undefined): NodeProbe;
  /**
   * A node that is given by its host, with what it does not say of how to connect taken from the primary. One with a `url` of its own
   * says all itself.
   */
  withConnectionOf(primary: NodeCredentials, node: NodeOptions): NodeOptions;
  /** A position as people know it. */
  formatPosition(position: Position): string;
  /** A name as the catalog has it: too long a name may be cut off. */
  nameInCatalog(name: string): string;
  /** The rows of a query of the library's own. */
  rowsOf(answer: Answer): readonly Record<string, unknown>[];
  /** Brings back the position of a write together with the write's answer; absent where the database cannot. */
  readonly piggyback?: Piggyback;
  /** A statement that has succeeded leaves something on its connection that the end of the transaction does not take off. */
  leavesState(statement: Statement, text: string): boolean;
  /** The driver's result of a ROLLBACK, for a transaction that the server has rolled back by itself. A new one each time. */
  rolledBack(): Answer;
}

declare const opaque: unique symbol;

/** One physical connection to a node. Only the database's own folder looks inside. */
export interface Connection {
  readonly [opaque]: 'connection';
}

/** What the driver gave for a statement. It goes to the application as it is. */
export interface Answer {
  readonly [opaque]: 'answer';
}

/** A statement as the application gave it. */
export interface StatementCall {
  /** The SQL; empty when the call names a prepared statement only. */
  readonly text: string;
  /** The driver's own arguments, without a callback. */
  readonly args: readonly unknown[];
}

/** A statement whose rows the application fetches by and by: a stream or a cursor of the driver's. */
export interface StreamCall {
  readonly text: string;
  /** The application has given it up. */
  readonly isDestroyed: boolean;
  /** Tells the application that it cannot run. */
  fail(error: unknown): void;
}

/** What can be done with one connection. */
export interface ConnectionOperations {
  /** Runs one statement. */
  run(connection: Connection, args: readonly unknown[]): Promise<Answer>;
  /** Runs a stream. Resolves when the connection is idle again, or gone. Whatever the stream emits runs in the caller's context. */
  stream(connection: Connection, stream: StreamCall): Promise<void>;
  /** Gives a connection back to the pool that it came from; with an error it is closed. */
  release(connection: Connection, error?: Error): void;
  /** What the server last said of the connection. */
  statusOf(connection: Connection): TransactionStatus;
  /** Takes off whatever statements have left on the connection. Rejects when that fails: the connection is to be closed then. */
  reset(connection: Connection): Promise<void>;
  /** Destroys the socket; what waits on the connection is rejected. Says whether the socket was still open. */
  cut(connection: Connection): boolean;
  /** The connection alone keeps the process alive, or does not. */
  keepProcessAlive(connection: Connection, isKept: boolean): void;
  /** Calls `listener` when the connection has ended; gives how to stop that. */
  onEnd(connection: Connection, listener: () => void): () => void;
  /**
   * Lets the owner of a connection hear what the driver tells of it. `onError` learns of each error of the connection, and says
   * whether the owner is to hear of it. Gives how to stop.
   */
  forwardEvents(
    connection: Connection,
    owner: EventEmitter,
    onError: (error: unknown) => boolean,
  ): () => void;
  /**
   * Makes a connection a lane, on which several reads may be under way. `onLost` is called when the connection is lost, perhaps more than
   * once. At most `maxPrepared` statements stay prepared.
   */
  openLane(connection: Connection, maxPrepared: number, onLost: (error: unknown) => void): LaneConnection;
  /** A call in the form that lanes take; `undefined` where it asks for more than every connection gives. */
  laneCallOf(args: readonly unknown[]): LaneCall | undefined;
}

/** Whether a transaction is open on a connection; `failed`: one is, and can only be rolled back. */
export type TransactionStatus = 'idle' | 'open' | 'failed';

/** A read as a lane takes it: nothing in it depends on the connection. As an argument of {@link ConnectionOperations.run}, it is the same read. */
export interface LaneCall {
  readonly text: string;
}

/** A connection that is a lane. */
export interface LaneConnection {
  readonly prepared: PreparedStatements;
  /**
   * Sends a read at once. Reads are answered in turn, each by a call of `settled`; a call before `send` returns says that the read
   * could not be sent.
   */
  send(
    call: LaneCall,
    prepared: PreparedStatement | undefined,
    settled: (error: unknown, answer: Answer) => void,
  ): void;
  /** Makes it an ordinary connection again. Nothing may be under way. */
  close(): void;
}

/** A prepared statement on one connection. */
export interface PreparedStatement {
  readonly name: string;
}

/** A text that may be prepared. */
export interface PreparableText {
  /** Says which text it is, in 32 letters. */
  readonly digest: string;
}

/** The prepared statements of one connection. */
export interface PreparedStatements {
  /**
   * What to send the text as. Call it right before the text is sent, and only then. `undefined` while the same text is being
   * prepared: should that fail, no other read fails with it.
   */
  use(text: PreparableText): PreparedStatement | undefined;
  /** The server has said that it knows the name. */
  isPrepared(name: string): boolean;
  /** The server does not have the statement, or cannot run it any more. Says whether that was news. */
  forget(text: PreparableText, name: string): boolean;
  /** The server has lost one statement, so it may have lost all. Says whether that was news. */
  forgetAll(text: PreparableText, name: string): boolean;
}

/** Learns a write's position on the write's own connection, along with the answer. */
export interface Piggyback {
  /** Learns what has to be known of the server first. Rejects when that fails. */
  start(query: CatalogQuery): Promise<void>;
  /** The driver can do it for this statement, on this connection. */
  canAsk(connection: Connection, args: readonly unknown[]): boolean;
  /**
   * As {@link ConnectionOperations.run}, and asks for the position right behind the statement, which must leave no transaction
   * open. `told` is called before the statement's promise settles: with the answer, or with why there is none.
   */
  run(
    connection: Connection,
    args: readonly unknown[],
    told: (failure: unknown, read: (() => ProbeResult) | undefined) => void,
  ): Promise<Answer>;
  /** A question that failed so says nothing about whether questions can be asked: somebody's time-out. */
  isHarmless(failure: unknown): boolean;
}

/** What an error of the driver or of its socket tells. */
export interface ErrorKinds {
  /** The connection is gone or cannot be had. */
  isConnectionLoss(error: unknown): boolean;
  /** The server has ended the session, and says that it rolled back what was open. */
  isCutByServer(error: unknown): boolean;
  /** However it came about: nothing more can be run on this connection. */
  isConnectionEnd(error: unknown): boolean;
  /**
   * The node answered, if only by an error: that may tell what is in the database (a key that exists, a row that is locked), as
   * rows do.
   */
  isAnswer(error: unknown): boolean;
  /** The driver had not sent the statement: it knew before that the connection was gone. */
  isUnsent(error: unknown): boolean;
  /** The connection was lost while the statement ran, and nobody told why: its server process may have crashed. */
  isSilentLoss(error: unknown): boolean;
  /** An error by which the driver's own code, and ours, know a lost connection. */
  connectionLost(why: string): Error;
  /** A read that failed so may succeed on another node. */
  isWorthAnotherNode(error: unknown): boolean;
  /** The node refused to write, since it is a replica. */
  isWriteRefusal(error: unknown): boolean;
  /** A replica refused what the primary may well answer: what does not work on replicas, and names that are newer than its data. */
  mayWorkOnPrimary(error: unknown): boolean;
  /** A pool gave no connection in time. */
  isPoolTimeout(error: unknown): boolean;
  /** Something between here and the server does not understand several statements at once. */
  isLaneRefusal(error: unknown): boolean;
  /** A statement failed for being prepared: its table has changed, or the server has lost it. `undefined`: for another reason. */
  preparedFailureOf(error: unknown): 'changed' | 'lost' | undefined;
}

/** What an engine adds to the connections of a node. */
export interface NodeHooks {
  /** An idle connection broke. */
  readonly onIdleError: () => void;
  /** Which servers connections may lead to; `undefined`: any. */
  readonly check?: ServerCheck;
  /** Calls a function outside any request; in the caller's, where there are no requests. */
  readonly outside?: Outside;
}

/** How the connections of one node are made. */
export interface NodeAccess {
  readonly limits: PoolLimits;
  /** Why its connections cannot be lanes, for people; `undefined`: they can. */
  readonly laneObstacle: string | undefined;
  /** Somebody does something to each new connection, which a reset would undo. */
  readonly isEachConnectionPrepared: boolean;
  /** A pool of its connections. Makes none yet. */
  openPool(listener: PoolListener): ConnectionPool;
  /** Whether the node answers on a new connection, within `timeoutMs` milliseconds. Never rejects; `false` when aborted. */
  answersAnew(timeoutMs: number, signal: AbortSignal): Promise<boolean>;
  /** How long the server has been running, asked on a new connection. Never rejects. */
  askUptime(): Promise<Uptime>;
}

/** How a pool is limited; milliseconds, `Infinity` without a limit. */
export interface PoolLimits {
  /** How many connections there may be. */
  readonly size: number;
  /** How long a connection may have nothing to do. */
  readonly idleMs: number;
  /** How long a connection is used at most. */
  readonly lifetimeMs: number;
  /** How long a statement may take by the pool's own limits, the server's or the driver's, whichever ends first. */
  readonly statementMs: number;
  /** Idle connections do not keep the process alive. */
  readonly allowExitOnIdle: boolean;
}

/** How long a server has been running; milliseconds. */
export interface RunTime {
  /** Since it was started. */
  readonly runningMs: number;
  /** Since then, or since it has recovered from the crash of one of its processes. */
  readonly wellMs: number;
}

/** `gone`: nothing listens at the server's address; `unknown`: it does not tell. */
export type Uptime = RunTime | 'gone' | 'unknown';

/** Connections to one node. */
export interface ConnectionPool {
  /** How many connections there are. */
  readonly total: number;
  /** How many of them have nothing to do. */
  readonly idle: number;
  /** How many callers wait for one. */
  readonly waiting: number;
  /** How many are too old to be given out again. */
  readonly expired: number;
  /** How many there may be. */
  readonly max: number;
  /** Gives a connection, when there is one, or the error by which none could be had. */
  take(callback: (error: unknown, connection: Connection | undefined) => void): void;
  /** A connection that is in use, but had nothing to do, was lost: the pool tells of that as of an idle one. */
  lostIdle(error: Error, connection: Connection): void;
  /** Gives nothing out any more. Resolves when every connection has come back and is closed. */
  end(): Promise<void>;
}

/** Learns what happens in a pool. */
export interface PoolListener {
  /** A connection was made. It has not been given out yet. */
  made(connection: Connection): void;
  /** The server at the other end told who it is; `undefined`: it does not tell. */
  identified(connection: Connection, identity: ServerIdentity | undefined): void;
  taken(connection: Connection): void;
  returned(connection: Connection): void;
  closed(connection: Connection): void;
  /** A statement was answered on some connection. */
  answered(): void;
  /** The server said, before it ends this connection, that another of its processes has crashed. `code`: of the error to come. */
  crashed(connection: Connection, code: string): void;
}

/** Says which servers a node's connections may lead to. */
export interface ServerCheck {
  /** Whether anybody wants to know; asked for each new connection. */
  readonly isOn: () => boolean;
  /**
   * Why a new connection that leads to the server of this identity may not be used; `undefined`: it may. A promise where that has to
   * be found out first; it never rejects.
   */
  readonly objectionTo: (
    identity: ServerIdentity | undefined,
  ) => string | undefined | Promise<string | undefined>;
}

/** Runs one query of the library's own, and gives its rows. */
export type CatalogQuery = (sql: string) => Promise<readonly Record<string, unknown>[]>;

/** Tells what a SQL text may do. */
export interface Classifier {
  /** What is known of the database's functions and tables. Until it was loaded, nothing is known to be a harmless read. */
  readonly hasCatalog: boolean;
  classify(text: string): Statement;
  /** A replica refused the text as a write: from now on it is one. Gives what it is. */
  rememberAsWrite(text: string): Statement;
  /** Some schema has a table or view of that name, as far as the catalog is known. */
  knowsRelation(name: string): boolean;
  /** Loads the catalog. Rejects when that fails. */
  loadCatalog(query: CatalogQuery): Promise<LoadedCatalog>;
}

/** A catalog that was loaded and is not used yet. */
export interface LoadedCatalog {
  /** What keeps all reads on the primary, in words. Empty: nothing does. */
  readonly suspects: readonly string[];
  /** Uses it from now on. Says whether it says anything new. */
  use(): boolean;
}

/** Calls a function outside any request. */
export type Outside = <T>(fn: () => T) => T;

export const callAtOnce: Outside = (fn) => fn();
