import type { RouteContext, StatementKind } from './route-query.js';

/** A read, as a {@link RouteFunction} sees it. */
export interface RoutedStatement {
  /** The SQL, with placeholders. */
  readonly text: string;
  readonly kind: StatementKind;
  /**
   * The tables and views that it names, as in the catalog (`accounts`, `billing.accounts`); `undefined` if nobody knows.
   */
  readonly tables: readonly string[] | undefined;
}

/**
 * Overrides the route of a read that may leave the primary. Returns `context.primary`, the name of a replica, or `undefined`
 * to leave the read as decided. Any other name is an `InvalidChoiceError`.
 *
 * Naming a replica works like `@UseReplica({ replica })`: the promises to the session still hold, and if the replica is not
 * eligible the `fallback` applies.
 *
 * The library calls it for each such read, for some more than once, so it must be quick. An error that it throws rejects
 * the read.
 */
export type RouteFunction = (statement: RoutedStatement, context: RouteContext) => string | undefined;
