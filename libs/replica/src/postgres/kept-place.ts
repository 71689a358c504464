import type pg from 'pg';
import { reasonOfKind } from '../routing/decide-route.js';
import type { Route } from '../routing/route.js';
import type { StatementKind } from '../routing/route-query.js';
import type { NodePool } from './node-pool.js';

/** A connection that is kept, and why. */
export interface Keeping {
  /** By which it was taken. */
  readonly route: Route;
  readonly pool: NodePool;
  readonly client: pg.PoolClient;
  /** Why it is kept beyond transactions and streams; `undefined`: it is not. */
  readonly staysFor: 'primary-runner' | 'session-change' | undefined;
  /** Something was left on it before. */
  readonly hasState?: boolean;
  /** To be called when it is given back. */
  readonly leave: () => void;
}

/** How a connection is kept just now. */
interface KeptPlace extends Pick<Keeping, 'route' | 'staysFor'> {
  readonly onReplica: boolean;
  /** A transaction is open on it. */
  readonly isOpen: boolean;
}

/** What a statement on a kept connection is routed by: itself, or what keeps the connection. */
export function routeOnKept({ route, onReplica, isOpen, staysFor }: KeptPlace, kind: StatementKind): Route {
  const { node, reason } = route;
  if (onReplica) return isOpen ? { node, reason: 'read-only-transaction' } : route;
  if (reason === 'routing-disabled') return route;
  if (kind !== 'read') return { node, reason: reasonOfKind(kind) };
  if (isOpen) return { node, reason: 'transaction' };
  return staysFor === undefined ? route : { node, reason: staysFor };
}
