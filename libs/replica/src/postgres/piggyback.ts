import { codeOf } from '../errors/describe-error.js';
import type { Answer, CatalogQuery, Connection, Piggyback, SentCall } from '../execution/database.js';
import type { ProbeResult } from '../topology/node-probe.js';
import { AURORA_VERSION_SQL } from './aurora-status.js';
import { LAYOUT_SQL, readLayout, type SizeRow, type WalLayout } from './positions.js';
import {
  laneQuery,
  type PgLaneCall,
  type PgPreparedStatement,
  type QueryCallback,
} from './lanes/lane-query.js';
import { POSITION_STATEMENT, readRow, type ProbeRow } from './probe-statement.js';

/** query_canceled: a time-out that says nothing about the position query. */
const CANCELLED = '57014';

/** During COPY FROM STDIN, the server would read the position query as data. */
const MAY_COPY = /\bcopy\b/i;

/** The properties of a `pg` client that pipelining needs. Since 8.23 a client can send a statement before it has the last answer. */
interface PipelinedClient {
  pipeline?: boolean;
  readonly connectionParameters?: { readonly query_timeout?: number | false };
  readonly connection?: { readonly stream?: { cork?(): void; uncork?(): void } };
  query(query: unknown, values?: unknown, callback?: QueryCallback): void;
}

const POSITION_CALL: PgLaneCall = {
  text: POSITION_STATEMENT.text,
  values: undefined,
  rowMode: undefined,
  types: undefined,
};

const POSITION_STATEMENTS = new WeakMap<PipelinedClient, PgPreparedStatement>();

/** The server plans the question, and describes its answer, once for each connection. */
function positionQuery(client: PipelinedClient, callback: QueryCallback): object {
  let statement = POSITION_STATEMENTS.get(client);
  if (statement === undefined) {
    statement = { name: POSITION_STATEMENT.name, shape: undefined };
    POSITION_STATEMENTS.set(client, statement);
  }
  return laneQuery(POSITION_CALL, statement, callback);
}

/** Asks for the position right behind a write, on the same connection. */
export class PgPiggyback implements Piggyback {
  readonly isExtraStatement = true;
  #layout: WalLayout | undefined;

  async start(query: CatalogQuery): Promise<void> {
    const [version] = await query(AURORA_VERSION_SQL);
    // Its WAL positions, where it tells any, are not those of its readers.
    if (version?.aurora === true) throw new Error('on Aurora the monitor asks for positions');
    this.#layout = readLayout((await query(LAYOUT_SQL)) as unknown as readonly SizeRow[]);
  }

  canAsk(connection: Connection, [text]: readonly unknown[]): boolean {
    const { pipeline, connectionParameters } = connection as unknown as PipelinedClient;
    const canPipeline = pipeline === false && !connectionParameters?.query_timeout;
    return canPipeline && typeof text === 'string' && !MAY_COPY.test(text);
  }

  run(
    connection: Connection,
    { args, prepared }: SentCall,
    onPosition: (failure: unknown, read: (() => ProbeResult) | undefined) => void,
  ): Promise<Answer> {
    const client = connection as unknown as PipelinedClient;
    return new Promise((resolve, reject) => {
      let settle: (() => void) | undefined;
      let left = 2;
      const ended = (): void => {
        if (--left === 0) settle?.();
      };
      const stream = client.connection?.stream;
      // Both leave in one write.
      stream?.cork?.();
      try {
        client.pipeline = true;
        const answered: QueryCallback = (error, result) => {
          settle = isNone(error) ? () => resolve(result as unknown as Answer) : () => reject(error);
          ended();
        };
        const [call, values] = args;
        if (prepared === undefined) client.query(call, values, answered);
        else client.query(laneQuery(call as PgLaneCall, prepared as PgPreparedStatement, answered));
        const position = positionQuery(client, (error, result) => {
          // The next user of the connection may send a stream, which `pg` refuses in pipeline mode.
          client.pipeline = false;
          onPosition(error, isNone(error) ? () => this.#read(result.rows as ProbeRow[]) : undefined);
          ended();
        });
        client.query(position);
      } finally {
        stream?.uncork?.();
      }
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
