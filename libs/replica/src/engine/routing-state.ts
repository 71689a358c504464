import { ShownSessions } from '../context/shown-sessions.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { TableRules } from './table-rules.js';

/** What statements are routed by that may change while the engine lives, whether it is started or not. */
export class RoutingState {
  /** Routing is on: reads may leave the primary. */
  isEnabled: boolean;
  /**
   * There are replicas, or may be some later: nodes are watched, positions captured, sessions kept. Once it is `true` it stays so, for
   * sessions rely on it.
   */
  hasReplicas: boolean;
  /** Where rules send statements by their tables. */
  tableRules: TableRules;
  #shown: ShownSessions | undefined;

  constructor({ enabled, replicas, discovery, tables }: ResolvedOptions<never>) {
    this.isEnabled = enabled;
    this.hasReplicas = replicas.length > 0 || discovery !== undefined;
    this.tableRules = new TableRules(tables);
  }

  /** What clients were shown since there has been a result cache; `undefined` without one. */
  get shown(): ShownSessions | undefined {
    return this.#shown;
  }

  /** There is a result cache: from now on it is noted what clients are shown. */
  noteShown(): ShownSessions {
    this.#shown ??= new ShownSessions(() => performance.now());
    return this.#shown;
  }
}
