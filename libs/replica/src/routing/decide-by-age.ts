import { noneCaughtUp, noReplica, toReplica } from './decision.js';
import {
  eligibleReplicas,
  findReplica,
  hasReplayed,
  isEligible,
  replayedOf,
  type ReplicaRequirements,
} from './eligible-replicas.js';
import { replicaToAwait } from './move-session.js';
import type { ReplicaReason } from './route.js';
import type { Decision, RequestView, RouteQuery } from './route-query.js';

/** Consistency `bounded` and `eventual`: only the age of the data and the request's own writes count. */
export function decideByAge(
  query: RouteQuery,
  request: RequestView,
  requirements: ReplicaRequirements,
): Decision {
  const { kept, ownPosition } = request;
  const reason = reasonOf(request);
  const before = kept === undefined ? undefined : findReplica(query, kept.name);
  if (before !== undefined && isEligible(query, before, requirements) && hasReplayed(before, ownPosition)) {
    return toReplica(query, before, { requirements, reason });
  }
  const eligible = eligibleReplicas(query, requirements);
  if (eligible.length === 0) return noReplica(query);
  const replayed = replayedOf(eligible, ownPosition);
  if (replayed.length > 0) return toReplica(query, query.balancer.choose(replayed), { requirements, reason });
  return noneCaughtUp(query, request, {
    position: ownPosition,
    node: replicaToAwait(query, undefined, eligible),
  });
}

function reasonOf({ hasWritten, intent }: RequestView): ReplicaReason {
  if (hasWritten) return 'own-write-replayed';
  return intent.consistency === 'bounded' ? 'within-staleness' : 'eventual';
}
