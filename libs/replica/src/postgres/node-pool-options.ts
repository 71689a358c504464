import type pg from 'pg';
import type { ServerCheck } from './check-connection.js';
import type { Outside } from './create-pool.js';
import type { PoolEvents } from './pool-events.js';
import type { LaneSettings } from './lanes/read-lanes.js';

/** What makes a `NodePool`. */
export interface NodePoolOptions {
  readonly name: string;
  /** `host:port`, for error messages. */
  readonly address: string;
  readonly config: pg.PoolConfig;
  /** An idle connection broke. */
  readonly onIdleError: (error: Error) => void;
  /** A connection was made: for whoever listens to what the server sends unasked. */
  readonly onConnect?: (client: pg.ClientBase) => void;
  /** Which servers connections may lead to; `undefined`: any. */
  readonly check?: ServerCheck;
  /** Fast reads share connections, where `pg` and the configuration allow it. `undefined`: each has one to itself. */
  readonly lanes?: LaneSettings;
  /** How long the monitor's question takes, there and back; milliseconds, `undefined` while it has no answer. */
  readonly probedMs?: () => number | undefined;
  /** Who hears of its connections. */
  readonly events?: PoolEvents;
  /** Calls a function outside any request; in this one, where there are no requests. */
  readonly outside?: Outside;
  /** Milliseconds of the monotonic clock. */
  readonly nowMs: () => number;
  /** How long this process has waited for anything to happen; milliseconds. As Node counts it, other than in tests. */
  readonly idleMs?: () => number;
}
