import type pg from 'pg';
import type { Answer, LaneCall, LaneConnection } from '../../execution/database.js';
import { WriteBatch } from '../../execution/lanes/write-batch.js';
import { type PgLaneCall, laneQuery, type PgPreparedStatement } from './lane-query.js';
import type { PgPreparedStatements } from './prepared-statements.js';

/** The private parts of a `pg` client that a lane uses. */
interface PipelinedClient {
  pipeline: boolean;
  readonly connection: { readonly stream: { cork?(): void; uncork?(): void } };
  query(query: object): void;
}

/**
 * A `pg` connection that sends each read at once and receives the answers in order. Each read ends with its own Sync message, so that
 * an error in one read does not affect the others.
 */
export class PgLane implements LaneConnection {
  readonly prepared: PgPreparedStatements;
  readonly #client: pg.ClientBase;
  readonly #pipelined: PipelinedClient;
  readonly #onError: (error: unknown) => void;
  readonly #onEnd: () => void;
  readonly #batch: WriteBatch;

  constructor(client: pg.ClientBase, prepared: PgPreparedStatements, onLost: (error: unknown) => void) {
    this.prepared = prepared;
    this.#client = client;
    this.#pipelined = client as object as PipelinedClient;
    this.#pipelined.pipeline = true;
    this.#batch = new WriteBatch(this.#pipelined.connection.stream);
    this.#onError = onLost;
    this.#onEnd = () => onLost(new Error('Connection terminated unexpectedly'));
    client.on('error', this.#onError);
    client.on('end', this.#onEnd);
  }

  send(
    call: LaneCall,
    prepared: PgPreparedStatement | undefined,
    callback: (error: unknown, answer: Answer) => void,
  ): void {
    this.#batch.join();
    this.#pipelined.query(laneQuery(call as PgLaneCall, prepared, callback as never));
  }

  close(): void {
    this.#client.removeListener('error', this.#onError);
    this.#client.removeListener('end', this.#onEnd);
    this.#pipelined.pipeline = false;
  }
}
