import type { RouteReason } from './route.js';
import type { StatementKind } from './route-query.js';

/** A read, as a {@link RouteFunction} sees it. */
export interface RoutedStatement {
  /** The SQL, with placeholders. */
  readonly text: string;
  readonly kind: StatementKind;
  /** The tables and views that it names, as written and folded by PostgreSQL's rule; `undefined` where that is not known. */
  readonly tables: readonly string[] | undefined;
}

/** What was decided, and between what. */
export interface RouteContext {
  /** The node that the rule chose. */
  readonly node: string;
  readonly reason: RouteReason;
  /** The replicas that may serve this read as far as its session, its age and their health are concerned. */
  readonly eligible: readonly string[];
  /** The primary's name now. */
  readonly primary: string;
}

/**
 * The user's last word on a read that may leave the primary: the name of the primary or of an eligible replica, or
 * `undefined` to leave it as decided. Called for each such read: it must be quick, and must not throw.
 */
export type RouteFunction = (statement: RoutedStatement, context: RouteContext) => string | undefined;
