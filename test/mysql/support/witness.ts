import type { DatabaseNode } from 'nestjs-replica/testing';
import mysql from 'mysql2/promise';

/** Numbers of the errors with which a server refuses to write. */
const REFUSALS = [1290, 1792, 1836];
/** A lock was not to be had at once, or not in time. */
const LOCKED = [1205, 3572];

/** Session variables that tell of every statement. */
const VOLATILE = `'timestamp', 'warning_count', 'error_count', 'in_transaction', 'rand_seed1', 'rand_seed2', 'last_gtid'`;

/**
 * What is on a connection and in the binary log: `locks` that GET_LOCK took (which this releases), user `variables`, how many rows were
 * `inserted`, the `settings`, and the `position`.
 */
const STATE = `SELECT RELEASE_ALL_LOCKS() AS locks, (SELECT COUNT(*) FROM information_schema.USER_VARIABLES) AS variables,
  (SELECT VARIABLE_VALUE FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'HANDLER_WRITE') AS inserted,
  (SELECT MD5(GROUP_CONCAT(VARIABLE_NAME, '=', VARIABLE_VALUE ORDER BY 1)) FROM information_schema.SESSION_VARIABLES
    WHERE LOWER(VARIABLE_NAME) NOT IN (${VOLATILE})) AS settings,
  @@global.gtid_binlog_pos AS position`;

/** Connects as the user of the tests, or as another one who has no password. */
export function connect(node: DatabaseNode, user?: string): Promise<mysql.Connection> {
  const { host, port, database, username, password } = node;
  return mysql.createConnection({
    host,
    port,
    database,
    user: user ?? username,
    ...(user === undefined ? { password } : {}),
  });
}

/** The number of the server's error; `undefined` if the statement was answered. */
export async function errorOf(connection: mysql.Connection, text: string): Promise<number | undefined> {
  try {
    await connection.query(text);
    return undefined;
  } catch (error) {
    const { errno } = error as { errno?: number };
    if (errno === undefined) throw error;
    return errno;
  }
}

/** Runs texts on a server, and sees what they do there besides giving rows. */
export class Witness {
  readonly #subject: mysql.Connection;
  readonly #rival: mysql.Connection;
  readonly #setup: string;

  private constructor(subject: mysql.Connection, rival: mysql.Connection, setup: string) {
    this.#subject = subject;
    this.#rival = rival;
    this.#setup = setup;
  }

  /** @param mode the `sql_mode` of the connection that runs the texts */
  static async on(node: DatabaseNode, mode = ''): Promise<Witness> {
    const setup = `SET SESSION sql_mode = '${mode}', max_statement_time = 5`;
    const subject = await connect(node);
    await subject.query(setup);
    const rival = await connect(node);
    await rival.query('SET SESSION innodb_lock_wait_timeout = 0, lock_wait_timeout = 0');
    return new Witness(subject, rival, setup);
  }

  async end(): Promise<void> {
    await Promise.all([this.#subject.end(), this.#rival.end()]);
  }

  /** Runs texts in a transaction of their own. Returns what they left or did, in words; empty for reads. */
  async tracesOf(...texts: readonly string[]): Promise<readonly string[]> {
    const before = await this.#state();
    await this.#subject.query('START TRANSACTION');
    const errors = [];
    for (const text of texts) errors.push(await errorOf(this.#subject, text));
    const locked = await errorOf(this.#rival, 'SELECT id FROM t FOR UPDATE');
    await this.#subject.query('ROLLBACK');
    const after = await this.#state();
    const traces = Object.keys(before).filter((name) => before[name] !== after[name]);
    if (LOCKED.includes(locked ?? 0)) traces.push('rows');
    if (errors.some((error) => REFUSALS.includes(error ?? 0))) traces.push('refused');
    if (traces.length > 0) await this.#renew();
    return traces;
  }

  /** As {@link tracesOf}, in a transaction in which the server refuses to write, on a server that refuses to write. */
  async refusalOf(text: string): Promise<number | undefined> {
    await this.#subject.query('START TRANSACTION READ ONLY');
    const error = await errorOf(this.#subject, text);
    await this.#subject.query('ROLLBACK');
    return REFUSALS.includes(error ?? 0) ? error : undefined;
  }

  async position(): Promise<unknown> {
    return (await this.#state()).position;
  }

  async #state(): Promise<Record<string, unknown>> {
    const [rows] = await this.#subject.query<mysql.RowDataPacket[]>(STATE);
    return rows[0]!;
  }

  async #renew(): Promise<void> {
    await this.#subject.reset();
    await this.#subject.query(this.#setup);
  }
}
