import pg from 'pg';
import type { NodeProbe, ProbeResult } from '../topology/node-probe.js';
import type { WalLayout } from './lsn.js';
import { askNode, askNodeOrRole } from './probe-statement.js';
import { runProbeFunction, type ProbeSubject } from './run-probe-function.js';

/** Sizes in bytes, as text: one row. Fixed for the life of a cluster. Needs no privilege. */
const LAYOUT_SQL = `SELECT name, setting::bigint * CASE unit WHEN '8kB' THEN 8192 WHEN 'kB' THEN 1024 WHEN 'MB' THEN 1048576 ELSE 1 END AS bytes
  FROM pg_catalog.pg_settings WHERE name IN ('wal_segment_size', 'wal_block_size')`;

interface Connection {
  readonly client: pg.Client;
  readonly layout: WalLayout;
}

/** Probes a PostgreSQL node on a connection of its own, made when first needed and again after every failure. */
export class PostgresProbe implements NodeProbe {
  readonly #config: pg.ClientConfig;
  readonly #subject: ProbeSubject | undefined;
  #connection: Promise<Connection> | undefined;
  #client: pg.Client | undefined;
  #closed = false;

  /** `subject`: the user's own probe, which runs after the built-in one within the same time. */
  constructor(config: pg.ClientConfig, subject?: ProbeSubject) {
    this.#subject = subject;
    this.#config = { ...config, application_name: 'nestjs-replica monitor' };
  }

  async probe(timeoutMs: number): Promise<ProbeResult> {
    if (this.#closed) throw new Error('the probe is closed');
    let timer: NodeJS.Timeout | undefined;
    try {
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(
          () => afterPendingAnswers(() => reject(new Error(`no answer within ${timeoutMs} ms`))),
          timeoutMs,
        );
      });
      return await Promise.race([this.#ask(), late]);
    } catch (error) {
      this.#drop();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#drop();
    return Promise.resolve();
  }

  async #ask(): Promise<ProbeResult> {
    this.#connection ??= this.#connect();
    const { client, layout } = await this.#connection;
    return this.#subject === undefined
      ? askNode(client, layout)
      : runProbeFunction(this.#subject, client, await askNodeOrRole(client, layout));
  }

  async #connect(): Promise<Connection> {
    const client = new pg.Client(this.#config);
    this.#client = client;
    client.on('error', () => {
      if (this.#client === client) this.#drop();
    });
    await client.connect();
    const { rows } = await client.query<{ name: string; bytes: string | number }>(LAYOUT_SQL);
    const bytesOf = (name: string, otherwise: number): number =>
      Number(rows.find((row) => row.name === name)?.bytes ?? otherwise);
    return {
      client,
      layout: {
        segmentBytes: bytesOf('wal_segment_size', 16_777_216),
        pageBytes: bytesOf('wal_block_size', 8192),
      },
    };
  }

  /** Forgets the connection and cuts its socket: whoever waits on it learns at once. */
  #drop(): void {
    const client = this.#client;
    this.#connection?.catch(() => undefined);
    this.#connection = undefined;
    this.#client = undefined;
    if (client === undefined) return;
    client.on('error', () => undefined);
    cutSocket(client);
    client.end().catch(() => undefined);
  }
}

/** This process may itself have been too busy to read an answer that came in time: timers run before sockets. */
function afterPendingAnswers(act: () => void): void {
  setImmediate(() => setImmediate(act));
}

/** Destroys the socket under a client; `pg` then rejects what waits on it. Works while connecting, too. */
export function cutSocket(client: pg.ClientBase): void {
  const { connection } = client as unknown as { connection?: { stream?: { destroy(): void } } };
  connection?.stream?.destroy();
}
