import type { Socket } from 'node:net';
import type { Connection as DriverConnection } from 'mysql2';
import type { Connection, TransactionStatus } from '../execution/database.js';
import { lastOkOf, type MysqlAnswer, type QueryArguments } from './answer.js';
import { MYSQL_ERRORS, noteErrorOfPrimary } from './error-kinds.js';
import type { Flavor } from './flavor.js';

/** Bits of the status that the server sends with each answer. `mysql2` has names for them, but does not publish them. */
const IN_TRANSACTION = 0x0001;
const SESSION_STATE_CHANGED = 0x4000;

/** Settings for the next transaction alone, which end with it. TypeORM sends this before START TRANSACTION. */
export const NEXT_TRANSACTION = /^\s*set\s+transaction\b/i;

/** How long a server may take to close a connection; milliseconds. */
const FAREWELL_MS = 1_000;

/** For what statements a connection was set up. On a `replica` connection the server refuses every write. */
export type ConnectionRole = 'primary' | 'replica';

/** Takes a connection back. */
interface ConnectionOwner {
  giveBack(connection: MysqlConnection, error: Error | undefined): void;
}

/** The part of a packet of `mysql2` that tells the end of rows. */
interface Packet {
  isEOF(): boolean;
  eofStatusFlags(): number;
}

/** The parts of a `mysql2` connection that it does not publish. */
interface ConnectionInside {
  readonly stream: Socket;
  /** The statement under way. */
  readonly _command?: object | null;
  handlePacket(packet: Packet | undefined): void;
}

/** One connection of `mysql2`, with what the server says about it. It is the port's connection. */
export class MysqlConnection {
  readonly driver: DriverConnection;
  readonly flavor: Flavor;
  /** What it is set up for; `undefined`: not yet. */
  role: ConnectionRole | undefined;
  /** Whether the answers of writes carry their positions. */
  tellsPositions = false;
  /** The GTID of the last write that this connection is known to have made. */
  lastGtid: string | undefined;
  /** The pool that it belongs to; `undefined`: none. */
  owner: ConnectionOwner | undefined;
  /** Called when the server has answered a statement, even if only with an error. */
  onAnswer: (() => void) | undefined;
  /** Whether somebody has changed the next transaction, which has not begun yet. */
  hasNextTransactionSet = false;
  /** The status bits of the last answer. */
  #status = 0;
  /** The status bits at the end of the last rows. */
  #endOfRows = 0;

  constructor(driver: DriverConnection, flavor: Flavor) {
    this.driver = driver;
    this.flavor = flavor;
    this.#watchEnds();
  }

  /** Whether a transaction is open, by the server's last word. After an error the server does not say. */
  get transaction(): TransactionStatus {
    return (this.#status & IN_TRANSACTION) === 0 ? 'idle' : 'open';
  }

  /** Whether the last rows came from a statement that changed what the session tracks, so it may have written. */
  get rowsMayHaveWritten(): boolean {
    return (this.#endOfRows & SESSION_STATE_CHANGED) !== 0;
  }

  /** Runs a statement. Throws if `mysql2` cannot make a statement of the arguments. */
  query(
    [query, values]: QueryArguments,
    settled: (error: unknown, answer: MysqlAnswer | undefined) => void,
  ): void {
    this.#endOfRows = 0;
    const text = typeof query === 'string' ? query : query.sql;
    this.driver.query(query as string, values as string, (error, rows, fields) => {
      if (error !== null) {
        if (MYSQL_ERRORS.isAnswer(error)) this.onAnswer?.();
        if (this.role === 'primary') noteErrorOfPrimary(error, text);
        return settled(error, undefined);
      }
      this.onAnswer?.();
      const answer: MysqlAnswer = [rows, fields];
      this.noteStatus(lastOkOf(answer)?.serverStatus);
      if (NEXT_TRANSACTION.test(text)) this.hasNextTransactionSet = true;
      else if (this.transaction === 'open') this.hasNextTransactionSet = false;
      settled(undefined, answer);
    });
  }

  /** Runs a statement of the library's own and resolves with its rows, whatever the application has set for rows of its own. */
  rows(sql: string): Promise<readonly Record<string, unknown>[]> {
    return new Promise((resolve, reject) => {
      this.query([{ sql, rowsAsArray: false, nestTables: false, typeCast: true }], (error, answer) => {
        if (answer === undefined) reject(error);
        else resolve(answer[0] as readonly Record<string, unknown>[]);
      });
    });
  }

  /** The status bits of an answer without rows; `undefined`: it had rows, which told theirs at their end. */
  noteStatus(bits: number | undefined): void {
    if (bits !== undefined) this.#status = bits;
  }

  /** Destroys the socket. `mysql2` then fails everything that waits on it. Returns whether the socket was still open. */
  cut(): boolean {
    const { stream } = this.#inside;
    const isOpen = !stream.destroyed && !stream.readableEnded;
    stream.destroy();
    return isOpen;
  }

  /** Asks the server for a sign of life. */
  ping(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.driver.ping((error?: unknown) => (error ? reject(error) : resolve()));
    });
  }

  /** Closes it: with a word of farewell, so that the server logs no broken connection, unless the server is still busy. */
  close(): void {
    // oxlint-disable-next-line no-underscore-dangle -- the name that it has in `mysql2`
    if (!this.isOpen || this.#inside._command) {
      this.cut();
      return;
    }
    const timer = setTimeout(() => this.cut(), FAREWELL_MS).unref();
    this.#inside.stream.once('close', () => clearTimeout(timer));
    this.driver.end();
  }

  /** Whether statements can still be sent. */
  get isOpen(): boolean {
    return this.driver.state === 'authenticated' && !this.#inside.stream.readableEnded;
  }

  keepProcessAlive(isKept: boolean): void {
    this.#inside.stream[isKept ? 'ref' : 'unref']();
  }

  get #inside(): ConnectionInside {
    return this.driver as unknown as ConnectionInside;
  }

  /**
   * Reads the status at the end of rows. `mysql2` drops it, but only it tells that a SELECT has opened a transaction or written.
   * (No row can look like such a packet: one that begins with this byte is longer.)
   */
  #watchEnds(): void {
    const inside = this.#inside;
    // oxlint-disable-next-line typescript/unbound-method -- called with its connection
    const { handlePacket } = inside;
    inside.handlePacket = (packet) => {
      if (packet?.isEOF() === true) this.#endOfRows = this.#status = packet.eofStatusFlags();
      handlePacket.call(inside, packet);
    };
  }
}

export function connectionOf(connection: MysqlConnection): Connection {
  return connection as unknown as Connection;
}

/** The connection behind the port's one. */
export function physicalOf(connection: Connection): MysqlConnection {
  return connection as unknown as MysqlConnection;
}
