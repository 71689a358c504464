import type pg from 'pg';
import type { BetterElsewhere } from '../take-connection.js';
import type { LaneCall } from './lane-call.js';
import type { StatementCost } from './statement-cost.js';

/** The pool whose connections become lanes. */
export interface LanePool {
  /** Waits for a connection like anybody else, unless it is better elsewhere. */
  checkout(isBetterElsewhere: BetterElsewhere): Promise<pg.PoolClient>;
  release(client: pg.PoolClient, error?: unknown): void;
  /** A connection can be had without making anybody wait. */
  hasRoom(): boolean;
  /** Asks {@link ReadLanes.giveWay} for as much as is waited for. */
  giveWay(): void;
  /** Runs a read on a connection of its own. */
  runAlone(call: LaneCall, cost: StatementCost): Promise<pg.QueryResult>;
  /** The connection has not run a statement yet; asked once. */
  takeFresh(client: pg.PoolClient): boolean;
  /** The error of a statement, with the reason why its connection was lost where that is known. */
  explain(client: pg.PoolClient, error: unknown): unknown;
}
