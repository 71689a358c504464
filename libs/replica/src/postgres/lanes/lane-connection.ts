import type pg from 'pg';
import type { Answer, LaneCall, LaneConnection } from '../../execution/database.js';
import { type PgLaneCall, laneQuery, type PgPreparedStatement } from './lane-query.js';
import type { PgPreparedStatements } from './prepared-statements.js';

/** What of a `pg` client's insides is needed. */
interface PipelinedClient {
  pipeline: boolean;
  readonly connection: { readonly stream: { cork?(): void; uncork?(): void } };
  query(query: object): void;
}

/**
 * A connection of `pg` that sends each read at once, and is answered in turn. Each read ends with a Sync message of its own, so that an
 * error in one leaves the others alone.
 */
export class PgLane implements LaneConnection {
  readonly prepared: PgPreparedStatements;
  readonly #client: pg.ClientBase;
  readonly #pipelined: PipelinedClient;
  readonly #onError: (error: unknown) => void;
  readonly #onEnd: () => void;
  #isCorked = false;

  constructor(client: pg.ClientBase, prepared: PgPreparedStatements, onLost: (error: unknown) => void) {
    this.prepared = prepared;
    this.#client = client;
    this.#pipelined = client as object as PipelinedClient;
    this.#pipelined.pipeline = true;
    this.#onError = onLost;
    this.#onEnd = () => onLost(new Error('Connection terminated unexpectedly'));
    client.on('error', this.#onError);
    client.on('end', this.#onEnd);
  }

  send(
    call: LaneCall,
    prepared: PgPreparedStatement | undefined,
    settled: (error: unknown, answer: Answer) => void,
  ): void {
    this.#cork();
    this.#pipelined.query(laneQuery(call as PgLaneCall, prepared, settled as never));
  }

  close(): void {
    this.#client.removeListener('error', this.#onError);
    this.#client.removeListener('end', this.#onEnd);
    this.#pipelined.pipeline = false;
  }

  /** All that is sent before the event loop goes on leaves in one piece. */
  #cork(): void {
    const { stream } = this.#pipelined.connection;
    if (this.#isCorked || stream.cork === undefined || stream.uncork === undefined) return;
    this.#isCorked = true;
    stream.cork();
    process.nextTick(() => {
      this.#isCorked = false;
      stream.uncork?.();
    });
  }
}
