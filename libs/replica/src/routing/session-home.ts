import { homeOf, type UNKNOWN_HOME } from './rendezvous.js';
import type { KeptNode, RequestView, RouteQuery } from './route-query.js';

/**
 * The node that the session (or a request without a session) read from last. Any other node needs a move first.
 * `undefined`: it has read nothing yet, or nothing binds it.
 */
export function lastReadNode(
  { topology }: RouteQuery,
  request: RequestView,
): string | typeof UNKNOWN_HOME | undefined {
  const { session } = request;
  const kept = keptBy(request);
  if (kept !== undefined) return kept.name;
  return session === undefined ? undefined : (session.servedBy ?? homeOf(session.keyHash, topology));
}

/** The node that the request keeps. Reads that allow stale data do not say where a session reads from. */
export function keptBy({ session, kept }: RequestView): KeptNode | undefined {
  return session !== undefined && kept?.allowsStale === true ? undefined : kept;
}
