import { ShownSessions } from '../context/shown-sessions.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import type { ChangeLog } from '../execution/pinned/change-log.js';
import type { Database } from '../execution/database.js';
import { TableRules } from './table-rules.js';

/** The state that statements are routed by. It may change at any time, whether the engine is started or not. */
export class RoutingState {
  /** Routing is on: reads may leave the primary. */
  isEnabled: boolean;
  /**
   * There are replicas, or there may be some later: nodes are watched, positions captured, sessions kept. Once
   * `true`, it stays so, because sessions rely on it.
   */
  hasReplicas: boolean;
  /** Somebody has called `withDurability()`. Until then nobody looks for it. */
  usesDurability = false;
  /** Learns which tables are changed; `undefined` without a result cache. */
  changes: ChangeLog | undefined;
  /** Where rules send statements by their tables. */
  tableRules: TableRules;
  #shown: ShownSessions | undefined;

  constructor(
    { enabled, replicas, endpoints, discovery, tables }: ResolvedOptions<never>,
    database: Database,
  ) {
    this.isEnabled = enabled;
    this.hasReplicas = replicas.length + endpoints.length > 0 || discovery !== undefined;
    this.tableRules = new TableRules(database, tables);
  }

  /** What clients were shown since there has been a result cache; `undefined` without one. */
  get shown(): ShownSessions | undefined {
    return this.#shown;
  }

  /** Begins to note what clients are shown. Called once there is a result cache. */
  noteShown(): ShownSessions {
    this.#shown ??= new ShownSessions(() => performance.now());
    return this.#shown;
  }
}
