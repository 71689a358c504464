import type pg from 'pg';
import { codeOf } from '../errors/describe-error.js';
import type { Answer, CatalogQuery, Connection, Piggyback } from '../execution/database.js';
import type { ProbeResult } from '../topology/node-probe.js';
import { LAYOUT_SQL, readLayout, type SizeRow, type WalLayout } from './positions.js';
import { readRow, WRITABLE, type ProbeRow } from './probe-statement.js';

/** query_canceled: somebody's time-out, which says nothing about the question. */
const CANCELLED = '57014';

/** While it waits for a client's rows the server takes the question for some. */
const MAY_COPY = /\bcopy\b/i;

/** What of a `pg` client is needed: since 8.23 it can send a statement before the one before it was answered. */
interface PipelinedClient {
  pipeline?: boolean;
  readonly connectionParameters?: { readonly query_timeout?: number | false };
  query(query: unknown, values: unknown, settled: (error: unknown, result: pg.QueryResult) => void): void;
}

/** Sends the question for the position right behind a write, on the same connection. */
export class PgPiggyback implements Piggyback {
  #layout: WalLayout | undefined;

  async start(query: CatalogQuery): Promise<void> {
    this.#layout = readLayout((await query(LAYOUT_SQL)) as unknown as readonly SizeRow[]);
  }

  canAsk(connection: Connection, [text]: readonly unknown[]): boolean {
    const { pipeline, connectionParameters } = connection as unknown as PipelinedClient;
    const canPipeline = pipeline === false && !connectionParameters?.query_timeout;
    return canPipeline && typeof text === 'string' && !MAY_COPY.test(text);
  }

  run(
    connection: Connection,
    [text, values]: readonly unknown[],
    told: (failure: unknown, read: (() => ProbeResult) | undefined) => void,
  ): Promise<Answer> {
    const client = connection as unknown as PipelinedClient;
    return new Promise((resolve, reject) => {
      let settle: (() => void) | undefined;
      let left = 2;
      const ended = (): void => {
        if (--left === 0) settle?.();
      };
      client.pipeline = true;
      client.query(text, values, (error, result) => {
        settle = isNone(error) ? () => resolve(result as unknown as Answer) : () => reject(error);
        ended();
      });
      client.query(WRITABLE, undefined, (error, result) => {
        // The next to use the connection may send a stream, which `pg` refuses on one like this.
        client.pipeline = false;
        told(error, isNone(error) ? () => this.#read(result.rows as ProbeRow[]) : undefined);
        ended();
      });
    });
  }

  isHarmless(failure: unknown): boolean {
    return codeOf(failure) === CANCELLED;
  }

  #read([row]: readonly ProbeRow[]): ProbeResult {
    return readRow(row, this.#layout as WalLayout);
  }
}

function isNone(error: unknown): boolean {
  return error === null || error === undefined;
}
