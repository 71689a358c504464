import { findReplica, isEligible, type Asked } from './eligible-replicas.js';
import { InvalidChoiceError } from '../errors/invalid-choice.error.js';
import type { Route } from './route.js';
import type { RouteQuery } from './route-query.js';

/**
 * What the option `route` makes of a read that may leave the primary: the node that it names, or `undefined` where there is
 * no such option or it leaves the read as decided. Throws an `InvalidChoiceError` for what is no node's name.
 */
export function askLastWord(query: RouteQuery, { node, reason }: Route, asked: Asked): string | undefined {
  const { lastWord, topology } = query;
  if (lastWord === undefined) return undefined;
  const primary = topology.primary.name;
  const name = lastWord({ node, reason, eligible: eligibleNames(query, asked), primary });
  if (name === undefined || name === primary || findReplica(query, name) !== undefined) return name;
  throw new InvalidChoiceError('route', name, [primary, ...topology.replicas.map((one) => one.name)]);
}

/** Also those of weight 0: the function asks for them by name. */
function eligibleNames(query: RouteQuery, { maxAgeMs }: Asked): readonly string[] {
  const names = query.topology.replicas.map(({ name }) => name);
  return names.filter((name) => {
    const node = findReplica(query, name);
    return node !== undefined && isEligible(query, node, { filter: { by: 'name', name }, maxAgeMs });
  });
}
