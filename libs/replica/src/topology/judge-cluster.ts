import type { ProbeResult } from './node-probe.js';
import type { DatabaseTerms } from './monitor-settings.js';
import type { NodeSnapshot } from './topology.js';

/** Which cluster the nodes are of, as far as that is known. */
export interface KnownCluster {
  /** The system identifier that all nodes have to have; `undefined`: it is not told, or not known. */
  readonly system: string | undefined;
  /** `proven`: a primary has told it. `presumed`: those with whom the application started did. `unknown`: neither. */
  readonly certainty: 'proven' | 'presumed' | 'unknown';
  /** The system identifiers that the other nodes told last. */
  readonly othersSystems: readonly (string | undefined)[];
  /** Every other node has been asked. */
  readonly areOthersAsked: boolean;
  readonly terms: DatabaseTerms;
}

/** `foreign`: the server is of another cluster. `untold`: nobody can tell whether it is. */
export type ClusterVerdict =
  { readonly kind: 'ours' } | { readonly kind: 'foreign' | 'untold'; readonly problem: string };

const OURS: ClusterVerdict = { kind: 'ours' };

/**
 * Whether a server that answered is of the primary's cluster. Where a server does not tell its system identifier, it is ours
 * only if the primary does not tell one either and the user's own probe vouches for the node. While no primary has ever
 * answered, the others have to agree.
 */
export function judgeCluster(
  node: NodeSnapshot,
  { identity, minLagMs }: ProbeResult,
  known: KnownCluster,
): ClusterVerdict {
  const system = identity?.system;
  if (node.role === 'primary' && known.certainty !== 'proven') return OURS;
  if (known.certainty === 'unknown') return judgeByOthers(system, known);
  if (known.system === undefined) {
    if (node.role === 'primary' || (system === undefined && minLagMs !== undefined)) return OURS;
    return untold(
      `the primary does not tell its system identifier, so nobody knows whether both are of one cluster: ${known.terms.identityRemedy}`,
    );
  }
  if (system === undefined)
    return untold(
      `it does not tell its system identifier, so nobody knows whether it is of the same cluster: ${known.terms.identityRemedy}`,
    );
  if (system === known.system) return OURS;
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
): ClusterVerdict {
  if (othersSystems.some((other) => other !== system))
    return untold(
      'the nodes are of different database clusters, and no primary has told yet which is the right one',
    );
  return areOthersAsked
    ? OURS
    : untold(
        'no primary has told yet which database cluster is the right one, and not all nodes have been asked',
      );
}

function untold(problem: string): ClusterVerdict {
  return { kind: 'untold', problem };
}
