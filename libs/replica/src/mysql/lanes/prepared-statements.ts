/* oxlint-disable eslint/no-underscore-dangle -- these are private members of `mysql2` */
import type { Query } from 'mysql2';
import type { PreparableText, PreparedStatement, PreparedStatements } from '../../execution/database.js';
import type { MysqlConnection } from '../connection.js';
import { mysql2Module } from '../mysql2-module.js';
import { areFaithful, type Column, type DateStrings } from './faithful-columns.js';
import type { ExecutableStatement } from './lane-execute.js';

/** A prepared statement of `mysql2`. Its methods make commands, and give them to its connection. */
interface DriverStatement {
  readonly columns: readonly Column[];
  _connection: CommandTaker;
  execute(values: readonly unknown[]): object;
  close(): Query;
}

/** What `mysql2` gives the commands to that it has made. This one returns them instead of sending them. */
interface CommandTaker {
  addCommand<C>(command: C): C;
}

const RETURNING: CommandTaker = { addCommand: (command) => command };

/** `mysql2` remembers statements by their text. A lane closes them by itself. */
const NO_CACHE = {
  get: () => undefined,
  set: () => undefined,
  delete: () => undefined,
  clear: () => undefined,
};

/** A number up to this is the same number to the server, whether it comes as text or as DOUBLE. */
const MAX_NUMBER = 1e15;

/**
 * - `new`: nobody has asked the server to prepare it
 * - `preparing`: the server has not answered yet
 * - `ready`: it can be run
 * - `refused`: the server cannot prepare it, or its values would not be those that the text gives
 */
type State = 'new' | 'preparing' | 'ready' | 'refused';

/** A statement that is prepared, or about to be. */
export interface MysqlPreparedStatement extends PreparedStatement, ExecutableStatement {
  state: State;
  statement: DriverStatement | undefined;
  model: object | undefined;
  lastUse: number;
}

/** The prepared statements of one connection. Commands are sent through its lane. */
export class MysqlPreparedStatements implements PreparedStatements {
  /** Sends a command on the lane that the connection is now. */
  send: (command: Query) => void;
  readonly #perConnection: number;
  readonly #dateStrings: DateStrings;
  readonly #entries = new Map<PreparableText, MysqlPreparedStatement>();
  #clock = 0;

  constructor({ driver }: MysqlConnection, perConnection: number, send: (command: Query) => void) {
    const { dateStrings, queryFormat, typeCast } = driver.config;
    // A function of the application's may tell the two protocols apart, or put values in as it likes.
    this.#perConnection = typeCast === true && queryFormat === undefined ? perConnection : 0;
    this.#dateStrings = dateStrings;
    this.send = send;
    (driver as unknown as { _statements: object })._statements = NO_CACHE;
  }

  use(text: PreparableText): MysqlPreparedStatement | undefined {
    const entry = this.#entries.get(text);
    if (entry === undefined) return this.#perConnection === 0 ? undefined : this.#add(text);
    entry.lastUse = ++this.#clock;
    return entry.state === 'ready' ? entry : undefined;
  }

  isPrepared(name: string): boolean {
    for (const entry of this.#entries.values()) if (entry.name === name) return entry.state !== 'new';
    return false;
  }

  forget(text: PreparableText, name: string): boolean {
    const entry = this.#entries.get(text);
    if (entry?.name !== name) return false;
    this.#remove(text, entry);
    return true;
  }

  forgetAll(text: PreparableText, name: string): boolean {
    if (!this.forget(text, name)) return false;
    for (const [other, entry] of this.#entries) this.#remove(other, entry);
    return true;
  }

  /** Asks the server to prepare the statement. Reads of this text are sent as text until it has answered. */
  prepare(entry: MysqlPreparedStatement, sql: string): void {
    entry.state = 'preparing';
    const prepared = (error: unknown, statement: DriverStatement | undefined): void => {
      if (error !== null || statement === undefined) {
        entry.state = 'refused';
        return;
      }
      entry.statement = statement;
      entry.columns = statement.columns;
      statement._connection = RETURNING;
      entry.model = statement.execute([]);
      const isWanted = [...this.#entries.values()].includes(entry);
      const isFaithful = areFaithful(entry.columns, this.#dateStrings);
      entry.state = isFaithful ? 'ready' : 'refused';
      if (!isWanted || !isFaithful) this.#close(entry);
    };
    this.send(prepareCommand(sql, prepared));
  }

  #add(text: PreparableText): MysqlPreparedStatement {
    if (this.#entries.size >= this.#perConnection) this.#evict();
    const entry: MysqlPreparedStatement = {
      name: text.digest,
      state: 'new',
      statement: undefined,
      model: undefined,
      columns: [],
      parser: undefined,
      lastUse: ++this.#clock,
    };
    this.#entries.set(text, entry);
    return entry;
  }

  #evict(): void {
    let oldest: [PreparableText, MysqlPreparedStatement] | undefined;
    for (const pair of this.#entries)
      if (oldest === undefined || pair[1].lastUse < oldest[1].lastUse) oldest = pair;
    if (oldest !== undefined) this.#remove(...oldest);
  }

  #remove(text: PreparableText, entry: MysqlPreparedStatement): void {
    this.#entries.delete(text);
    this.#close(entry);
  }

  /** The server does not answer to this. */
  #close(entry: MysqlPreparedStatement): void {
    const { statement } = entry;
    entry.statement = undefined;
    if (statement !== undefined) this.send(statement.close());
  }
}

/** Whether the server makes the same of these values, whether they come as text or in binary form. */
export function arePreparable(values: unknown): values is readonly unknown[] {
  return Array.isArray(values) && values.every(isPreparable);
}

function isPreparable(value: unknown): boolean {
  if (typeof value === 'number') return Number.isInteger(value) && Math.abs(value) < MAX_NUMBER;
  return value === null || typeof value === 'string' || typeof value === 'bigint';
}

type Prepared = (error: unknown, statement: DriverStatement | undefined) => void;

function prepareCommand(sql: string, callback: Prepared): Query {
  const { Connection } = mysql2Module() as unknown as {
    readonly Connection: {
      readonly prototype: {
        prepare(this: CommandTaker, options: { sql: string }, callback: Prepared): Query;
      };
    };
  };
  return Connection.prototype.prepare.call(RETURNING, { sql }, callback);
}
