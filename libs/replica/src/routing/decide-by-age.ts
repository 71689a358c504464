import { behind, none, toReplica } from './decision.js';
import {
  eligibleReplicas,
  findReplica,
  hasReplayed,
  isEligible,
  replayedOf,
  type Asked,
} from './eligible-replicas.js';
import { oneOf } from './move-session.js';
import type { ReplicaReason } from './route.js';
import type { Decision, RequestView, RouteQuery } from './route-query.js';

/** Consistency `bounded` and `eventual`: by the age of the data alone, but for the request's own writes. */
export function decideByAge(query: RouteQuery, request: RequestView, asked: Asked): Decision {
  const { kept, ownPosition } = request;
  const reason = reasonOf(request);
  const before = kept === undefined ? undefined : findReplica(query, kept.name);
  if (before !== undefined && isEligible(query, before, asked) && hasReplayed(before, ownPosition)) {
    return toReplica(query, before, { asked, reason });
  }
  const eligible = eligibleReplicas(query, asked);
  if (eligible.length === 0) return none(query);
  const replayed = replayedOf(eligible, ownPosition);
  if (replayed.length > 0) return toReplica(query, query.balancer.choose(replayed), { asked, reason });
  return behind(query, request, { position: ownPosition, node: oneOf(query, undefined, eligible) });
}

function reasonOf({ hasWritten, intent }: RequestView): ReplicaReason {
  if (hasWritten) return 'own-write-replayed';
  return intent.consistency === 'bounded' ? 'within-staleness' : 'eventual';
}
