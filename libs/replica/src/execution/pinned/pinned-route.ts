import { reasonOfKind } from '../../routing/decide-route.js';
import type { Route } from '../../routing/route.js';
import type { StatementKind } from '../../routing/route-query.js';

/**
 * Why a connection stays pinned beyond transactions and streams: its client asked for one connection, or a statement left
 * something on it.
 */
export type PinReason = 'primary-runner' | 'session-change';

/** How a connection is pinned right now. */
interface PinState {
  /** The route by which it was taken. */
  readonly route: Route;
  readonly pinReason: PinReason | undefined;
  readonly onReplica: boolean;
  /** Whether a transaction is open on it. */
  readonly isOpen: boolean;
}

/** The route of a statement on a pinned connection: the statement's own, or that of whatever pins the connection. */
export function routeOnPinned({ route, onReplica, isOpen, pinReason }: PinState, kind: StatementKind): Route {
  const { node, reason } = route;
  if (onReplica) return isOpen ? { node, reason: 'read-only-transaction' } : route;
  // A read that a replica refused is the only statement on the connection that it is given on the primary.
  if (reason === 'routing-disabled' || reason === 'refused-by-replica') return route;
  if (kind !== 'read') return { node, reason: reasonOfKind(kind) };
  if (isOpen) return { node, reason: 'transaction' };
  return pinReason === undefined ? route : { node, reason: pinReason };
}
