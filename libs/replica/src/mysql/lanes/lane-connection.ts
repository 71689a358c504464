import type { Socket } from 'node:net';
import type { Answer, LaneCall, LaneConnection, PreparedStatement } from '../../execution/database.js';
import { WriteBatch } from '../../execution/lanes/write-batch.js';
import type { Query } from 'mysql2';
import type { MysqlAnswer } from '../answer.js';
import type { MysqlConnection } from '../connection.js';
import { isConnectionLoss, MYSQL_ERRORS } from '../error-kinds.js';
import { mysql2Module } from '../mysql2-module.js';
import type { MysqlLaneCall } from './lane-call.js';
import { LaneCommand, type LaneConnectionInside } from './lane-command.js';
import { LaneExecute } from './lane-execute.js';
import {
  arePreparable,
  MysqlPreparedStatements,
  type MysqlPreparedStatement,
} from './prepared-statements.js';

type Settled = (error: unknown, answer: Answer) => void;
type Callback = (error: unknown, rows: unknown, fields: unknown) => void;

const preparedOn = new WeakMap<MysqlConnection, MysqlPreparedStatements>();

/** The pools whose servers, and whatever stands in front of them, have answered several questions that were sent at once. */
const proven = new WeakSet<object>();

/** A `mysql2` connection that sends each read at once and receives the answers in order. */
export class MysqlLane implements LaneConnection {
  readonly prepared: MysqlPreparedStatements;
  readonly #connection: MysqlConnection;
  readonly #onLost: (error: unknown) => void;
  readonly #command: LaneCommand;
  readonly #batch: WriteBatch;

  /** @param maxPrepared how many statements stay prepared */
  constructor(connection: MysqlConnection, maxPrepared: number, onLost: (error: unknown) => void) {
    const { driver } = connection;
    this.#connection = connection;
    this.#onLost = onLost;
    this.#command = new LaneCommand(driver as unknown as LaneConnectionInside, onLost);
    this.#batch = new WriteBatch((driver as unknown as { readonly stream: Socket }).stream);
    this.prepared = this.#preparedOf(connection, maxPrepared);
    driver.on('error', onLost);
    driver.on('warn', this.#refuse);
    if (connection.owner !== undefined && !proven.has(connection.owner)) this.#prove(connection.owner);
  }

  /** What an earlier lane has prepared on the connection is still there. */
  #preparedOf(connection: MysqlConnection, maxPrepared: number): MysqlPreparedStatements {
    const send = (command: Query): void => this.#command.send(command);
    const known = preparedOn.get(connection);
    if (known !== undefined) known.send = send;
    const prepared = known ?? new MysqlPreparedStatements(connection, maxPrepared, send);
    preparedOn.set(connection, prepared);
    return prepared;
  }

  send(call: LaneCall, prepared: PreparedStatement | undefined, settled: Settled): void {
    const { sql, values } = call as MysqlLaneCall;
    const entry = prepared as MysqlPreparedStatement | undefined;
    const callback = this.#callback(settled);
    this.#batch.join();
    let query: Query | LaneExecute;
    try {
      query =
        entry?.statement !== undefined && arePreparable(values)
          ? new LaneExecute(entry, values, callback)
          : this.#textQuery(sql, values, callback);
    } catch (error) {
      return settled(error, undefined as never);
    }
    if (entry?.state === 'new') this.prepared.prepare(entry, sql);
    this.#command.send(query);
  }

  #textQuery(sql: string, values: unknown, callback: Callback): Query {
    const { driver } = this.#connection;
    const text = values === undefined || values === null ? sql : driver.format(sql, values);
    return mysql2Module().createQuery(text, undefined, callback, driver.config);
  }

  close(): void {
    const { driver } = this.#connection;
    driver.removeListener('error', this.#onLost);
    driver.removeListener('warn', this.#refuse);
    if (this.#connection.isOpen) this.#command.end();
  }

  #callback(settled: Settled): Callback {
    return (error, rows, fields) => {
      if (error === null || MYSQL_ERRORS.isAnswer(error)) this.#connection.onAnswer?.();
      const answer: MysqlAnswer = [rows, fields];
      settled(error, answer as unknown as Answer);
    };
  }

  /** Asks two questions at once. Reads may follow at once, too: if the answers are wrong, they run elsewhere. */
  #prove(pool: object): void {
    const { driver } = this.#connection;
    let next = 1;
    for (const number of [1, 2]) {
      const check = (error: unknown, rows: unknown): void => {
        if (isConnectionLoss(error)) return;
        const [row] = (error === null ? rows : []) as readonly (readonly (number | string)[])[];
        if (Number(row?.[0]) !== number || next++ !== number)
          this.#refuse(new Error('several statements that were sent at once got wrong answers'));
        else if (number === 2) proven.add(pool);
      };
      // Whatever the application has set for its own rows.
      const plain = { sql: `SELECT ${number}`, rowsAsArray: true, nestTables: false, typeCast: true };
      this.#command.send(mysql2Module().createQuery(plain, undefined, check, driver.config));
    }
  }

  /** `mysql2` warns of numbers that the packets should not have: a proxy counts the packets of all statements together. */
  readonly #refuse = (warning: Error): void =>
    this.#onLost(Object.assign(warning, { code: 'PROTOCOL_UNEXPECTED_PACKET' }));
}
