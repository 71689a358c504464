import type { Answer, Connection, Database, Outside } from '../database.js';
import type { BetterElsewhere } from '../pools/wait-queue.js';
import type { Tracing } from '../../observability/tracing.js';
import type { AnswerClock } from './loop-clock.js';
import type { StatementCosts } from './statement-cost.js';

/** What the lanes of one node work with. */
export interface LaneTools {
  readonly database: Database;
  readonly connections: ReadConnections;
  readonly costs: StatementCosts;
  readonly clock: AnswerClock;
  /** After this long a lane returns its connection; milliseconds, or `Infinity`. */
  readonly maxLifetimeMs: number;
  readonly outside: Outside;
  readonly tracing: Tracing;
  readonly nowMs: () => number;
}

/** The connections of one node, as reads use them. */
export interface ReadConnections {
  /** Waits for a connection like anybody else, unless another node could provide one at once. */
  checkoutForRead(isBetterElsewhere: BetterElsewhere | undefined): Promise<Connection>;
  release(connection: Connection, error?: unknown): void;
  /** Runs one read and returns the connection. `ended` learns whether it was answered, and its time if that is worth knowing. */
  runOn(
    connection: Connection,
    args: readonly unknown[],
    ended: (isAnswered: boolean, tookMs?: number) => void,
  ): Promise<Answer>;
  /** Whether the connection has not run a statement yet. Returns `true` only once per connection. */
  takeFresh(connection: Connection): boolean;
  /** The error of a statement, with the reason for a lost connection added if it is known. */
  explain(connection: Connection, error: unknown): unknown;
  hold(): void;
  letGo(): void;
  /** A read took this long, there and back. */
  measured(tookMs: number): void;
  /** Whether somebody else waits for a connection, for something other than a read. */
  readonly hasOtherWaiters: boolean;
}
