import { readFileSync } from 'node:fs';
import { createConnection, type Connection } from 'mysql2/promise';
import pg from 'pg';
import { databaseOfUrl } from '../../support/cluster/test-database.js';
import { parentOf } from './processor-time.js';

/** A connection over which a server tells about itself. */
export interface ServerClient {
  /** Client connections, without those of the benchmark itself. */
  connections(): Promise<number>;
  /** Transactions that have succeeded, or statements where the server does not count these. Servers tell some seconds late. */
  transactions(): Promise<number>;
  /** The process of a server of this machine; `undefined`: unknown. */
  process(): Promise<number | undefined>;
  close(): Promise<void>;
}

/** Connects to the server of this URL. */
export function connectTo(url: string): Promise<ServerClient> {
  return databaseOfUrl(url) === 'mariadb' ? MariadbClient.connect(url) : PostgresClient.connect(url);
}

class PostgresClient implements ServerClient {
  readonly #client: pg.Client;

  private constructor(client: pg.Client) {
    this.#client = client;
  }

  static async connect(url: string): Promise<PostgresClient> {
    const client = new pg.Client({ connectionString: url, application_name: 'bench' });
    await client.connect();
    return new PostgresClient(client);
  }

  connections(): Promise<number> {
    return this.#ask(
      `SELECT count(*)::int AS value FROM pg_stat_activity
       WHERE backend_type = 'client backend' AND application_name <> 'bench'`,
    );
  }

  transactions(): Promise<number> {
    return this.#ask(
      `SELECT xact_commit::float8 AS value FROM pg_stat_database WHERE datname = current_database()`,
    );
  }

  async process(): Promise<number | undefined> {
    return parentOf(await this.#ask('SELECT pg_backend_pid() AS value'));
  }

  close(): Promise<void> {
    return this.#client.end();
  }

  async #ask(sql: string): Promise<number> {
    const { rows } = await this.#client.query<{ value: number }>(sql);
    return rows[0]?.value ?? 0;
  }
}

class MariadbClient implements ServerClient {
  readonly #connection: Connection;

  private constructor(connection: Connection) {
    this.#connection = connection;
  }

  static async connect(url: string): Promise<MariadbClient> {
    return new MariadbClient(await createConnection(url));
  }

  /** Replication and the cluster's own questions have other users. */
  async connections(): Promise<number> {
    const sql = `SELECT COUNT(*) AS value FROM information_schema.processlist WHERE user = 'app' AND id <> CONNECTION_ID()`;
    return Number(await this.#ask(sql));
  }

  async transactions(): Promise<number> {
    const sql = `SELECT variable_value AS value FROM information_schema.global_status WHERE variable_name = 'QUESTIONS'`;
    return Number(await this.#ask(sql));
  }

  async process(): Promise<number | undefined> {
    return Number(readFileSync(String(await this.#ask('SELECT @@pid_file AS value')), 'utf8'));
  }

  close(): Promise<void> {
    return this.#connection.end();
  }

  async #ask(sql: string): Promise<unknown> {
    const [rows] = await this.#connection.query(sql);
    return (rows as { value: unknown }[])[0]?.value;
  }
}
