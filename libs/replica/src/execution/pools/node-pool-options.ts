import type { Tracing } from '../../observability/tracing.js';
import type { Database, NodeAccess, Outside } from '../database.js';
import type { LaneSettings } from '../lanes/read-lanes.js';

/** What a `NodePool` needs. */
export interface NodePoolOptions {
  readonly name: string;
  /** `host:port`, for error messages. */
  readonly address: string;
  readonly database: Database;
  readonly access: NodeAccess;
  /** Lets fast reads share connections if the driver and its settings allow it. `undefined`: each read has a connection to itself. */
  readonly lanes?: LaneSettings;
  /** How long the monitor's probe takes, there and back; milliseconds. `undefined` while it has no answer. */
  readonly probedMs?: () => number | undefined;
  readonly outside?: Outside;
  readonly tracing?: Tracing;
  readonly nowMs: () => number;
  /** How long this process has waited for events, in milliseconds. Node counts that, except in tests. */
  readonly idleMs?: () => number;
}
