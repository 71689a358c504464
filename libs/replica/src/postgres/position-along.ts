import type pg from 'pg';
import type { Position } from '../session/position.js';
import type { ProbeResult } from '../topology/node-probe.js';
import type { WalLayout } from './lsn.js';
import { codeOf } from '../errors/describe-error.js';
import { isConnectionLoss } from './postgres-errors.js';
import { readRow, WRITABLE, type ProbeRow } from './probe-statement.js';
import { RateLimit } from './rate-limit.js';
import { LAYOUT_SQL, readLayout, type SizeRow } from './wal-layout.js';

/** Many writes share one question of the monitor's; each of these is for one write: above this rate they would cost throughput. */
const RATE = { perSecond: 200, burst: 40 };

/** query_canceled: somebody's time-out, which says nothing about the question. */
const CANCELLED = '57014';

/** What {@link PositionAlong} works with. */
export interface PositionAlongOptions {
  /** The position that a node has told; `undefined` where its answer is none to rely on. */
  readonly accept: (node: string, answer: ProbeResult) => Position | undefined;
  /** Milliseconds of a monotonic clock. */
  readonly nowMs: () => number;
}

/** What of a `pg` client is needed: since 8.23 it can send a statement before the one before it was answered. */
interface PipelinedClient {
  pipeline?: boolean;
  readonly connectionParameters?: { readonly query_timeout?: number | false };
  query(query: unknown, values: unknown, told: (error: unknown, result: pg.QueryResult) => void): void;
}

/**
 * Asks the primary for its position on a write's own connection, right behind the write: both answers come together. So, while
 * there are not too many, hardly any write is known to have happened and its position is not, should the primary die.
 */
export class PositionAlong {
  readonly #options: PositionAlongOptions;
  readonly #rate = new RateLimit(RATE);
  #layout: WalLayout | undefined;
  /** The server, or a pooler before it, has refused the question; or there was never an answer, and a connection was lost by it. */
  #isRefused = false;
  #wasAnswered = false;

  constructor(options: PositionAlongOptions) {
    this.#options = options;
  }

  /** Learns what has to be known of the server; until then nothing is asked. Never rejects. */
  async start(query: (sql: string) => Promise<readonly unknown[]>): Promise<void> {
    try {
      this.#layout = readLayout((await query(LAYOUT_SQL)) as readonly SizeRow[]);
    } catch {
      // The monitor is asked then.
    }
  }

  /** Whether to ask behind this statement, which must leave no transaction open; if so that is counted. */
  mayAsk(client: pg.ClientBase, [query]: readonly unknown[]): boolean {
    const { pipeline, connectionParameters } = client as unknown as PipelinedClient;
    const canPipeline = pipeline === false && !connectionParameters?.query_timeout;
    if (this.#isRefused || this.#layout === undefined || !canPipeline || typeof query !== 'string')
      return false;
    return this.#rate.take(this.#options.nowMs());
  }

  /**
   * As `queryWith`, for a statement of which {@link mayAsk} was said. `told` is called before the caller learns of the statement's
   * answer: with `undefined` where what the server told is not to be relied on, and not at all where it gave no answer.
   */
  query(
    { client, node }: { readonly client: pg.ClientBase; readonly node: string },
    [text, values]: readonly unknown[],
    told: (position: Position | undefined) => void,
  ): Promise<pg.QueryResult> {
    const inside = client as unknown as PipelinedClient;
    return new Promise((resolve, reject) => {
      let settle: (() => void) | undefined;
      let left = 2;
      const ended = (): void => {
        if (--left === 0) settle?.();
      };
      inside.pipeline = true;
      inside.query(text, values, (error, result) => {
        settle = isNone(error) ? () => resolve(result) : () => reject(error);
        ended();
      });
      inside.query(WRITABLE, undefined, (error, result) => {
        // The next to use the connection may send a stream, which `pg` refuses on one like this.
        inside.pipeline = false;
        if (isNone(error)) told(this.#read(node, result.rows as ProbeRow[]));
        else this.#failed(error);
        ended();
      });
    });
  }

  #failed(error: unknown): void {
    // Where it never worked, something on the way may not bear two statements at once: no second write shall suffer.
    this.#isRefused ||= isConnectionLoss(error) ? !this.#wasAnswered : codeOf(error) !== CANCELLED;
  }

  #read(node: string, [row]: readonly ProbeRow[]): Position | undefined {
    this.#wasAnswered = true;
    try {
      return this.#options.accept(node, readRow(row, this.#layout as WalLayout));
    } catch {
      return undefined;
    }
  }
}

function isNone(error: unknown): boolean {
  return error === null || error === undefined;
}
