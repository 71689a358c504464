import type { RouteContext, StatementKind } from './route-query.js';

/** A read, as a {@link RouteFunction} sees it. */
export interface RoutedStatement {
  /** The SQL, with placeholders. */
  readonly text: string;
  readonly kind: StatementKind;
  /**
   * The tables and views that it names, as in the catalog (`accounts`, `billing.accounts`); `undefined` where that is not
   * known.
   */
  readonly tables: readonly string[] | undefined;
}

/**
 * The user's last word on a read that may leave the primary: `context.primary`, a replica's name, or `undefined` to leave it
 * as decided. A replica that is named is taken as by `@UseReplica({ replica })`: what the session wrote and saw holds, and
 * where the replica is not eligible the `fallback` does. The name of no node is an `InvalidChoiceError`.
 *
 * Called for each such read, for some more than once: it must be quick. What it throws goes to whoever reads.
 */
export type RouteFunction = (statement: RoutedStatement, context: RouteContext) => string | undefined;
