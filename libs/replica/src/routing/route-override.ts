import { findReplica, isEligible, type ReplicaRequirements } from './eligible-replicas.js';
import { InvalidChoiceError } from '../errors/invalid-choice.error.js';
import type { Route } from './route.js';
import type { RouteQuery } from './route-query.js';

/**
 * The node that the option `route` names for a read that may leave the primary. `undefined`: there is no such option, or it
 * leaves the read as decided. Throws an `InvalidChoiceError` if the option names no node.
 */
export function overrideRoute(
  query: RouteQuery,
  { node, reason }: Route,
  requirements: ReplicaRequirements,
): string | undefined {
  const { routeOverride, topology } = query;
  if (routeOverride === undefined) return undefined;
  const primary = topology.primary.name;
  const name = routeOverride({ node, reason, eligible: eligibleNames(query, requirements), primary });
  if (name === undefined || name === primary || findReplica(query, name) !== undefined) return name;
  throw new InvalidChoiceError('route', name, [primary, ...topology.replicas.map((one) => one.name)]);
}

/** Replicas of weight 0 included: the function may ask for them by name. */
function eligibleNames(query: RouteQuery, { maxAgeMs }: ReplicaRequirements): readonly string[] {
  const names = query.topology.replicas.map(({ name }) => name);
  return names.filter((name) => {
    const node = findReplica(query, name);
    return node !== undefined && isEligible(query, node, { filter: { by: 'name', name }, maxAgeMs });
  });
}
