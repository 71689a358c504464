import { refused, type RoleVerdict } from './judge-role.js';
import type { DatabaseTerms } from './monitor-settings.js';
import type { ProbeResult } from './node-probe.js';
import type { NodeSnapshot } from './topology.js';

export interface KnownCluster {
  /** The system identifier that every node must have; `undefined`: no server tells it, or nobody knows it. */
  readonly system: string | undefined;
  /** `proven`: a primary told it. `presumed`: the nodes told it with which the application started. `unknown`: neither. */
  readonly certainty: 'proven' | 'presumed' | 'unknown';
  /** The system identifiers that the other nodes last told. */
  readonly othersSystems: readonly (string | undefined)[];
  readonly areOthersAsked: boolean;
  readonly terms: DatabaseTerms;
}

/**
 * Why a server that answered may not serve, as its cluster may be another one than the primary's; `undefined`: it is ours.
 *
 * - A server that does not tell its system identifier is ours only if the primary does not tell one either, and the user's
 *   own probe vouches for the node.
 * - While no primary has ever answered, all nodes have to agree.
 */
export function judgeCluster(
  node: NodeSnapshot,
  { identity, minLagMs }: ProbeResult,
  known: KnownCluster,
): RoleVerdict | undefined {
  const system = identity?.system;
  if (node.role === 'primary' && known.certainty !== 'proven') return undefined;
  if (known.certainty === 'unknown') return judgeByOthers(system, known);
  if (known.system === undefined) {
    if (node.role === 'primary' || (system === undefined && minLagMs !== undefined)) return undefined;
    return refused(
      `the primary does not tell its system identifier, so nobody knows whether both are of one cluster: ${known.terms.identityRemedy}`,
    );
  }
  if (system === undefined)
    return refused(
      `it does not tell its system identifier, so nobody knows whether it is of the same cluster: ${known.terms.identityRemedy}`,
    );
  if (system === known.system) return undefined;
  return {
    kind: 'foreign',
    problem:
      `a server of another database cluster answers at its address (system identifier ${system}, not ${known.system}): ` +
      'it gets nothing',
  };
}

function judgeByOthers(
  system: string | undefined,
  { othersSystems, areOthersAsked }: KnownCluster,
): RoleVerdict | undefined {
  if (othersSystems.some((other) => other !== system))
    return refused(
      'the nodes are of different database clusters, and no primary has told yet which is the right one',
    );
  return areOthersAsked
    ? undefined
    : refused(
        'no primary has told yet which database cluster is the right one, and not all nodes have been asked',
      );
}
