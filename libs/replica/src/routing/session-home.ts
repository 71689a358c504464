import { homeOf, type SOMEWHERE } from './rendezvous.js';
import type { KeptNode, RequestView, RouteQuery } from './route-query.js';

/**
 * The node that the session, or the request without one, read from last: nothing else may serve it without further ado.
 * `undefined`: it has read nothing, or nothing binds it.
 */
export function readFrom(
  { topology }: RouteQuery,
  request: RequestView,
): string | typeof SOMEWHERE | undefined {
  const { session } = request;
  const kept = keptBy(request);
  if (kept !== undefined) return kept.name;
  return session === undefined ? undefined : (session.servedBy ?? homeOf(session.keyHash, topology));
}

/** What was read with leave to be older says nothing about where a session reads from. */
export function keptBy({ session, kept }: RequestView): KeptNode | undefined {
  return session !== undefined && kept?.isLenient === true ? undefined : kept;
}
