import type { ProbeResult } from './node-probe.js';
import type { ServerIdentity } from './server-identity.js';
import type { NodeSnapshot } from './topology.js';

/**
 * What a node's answer means for its role: it has it, it takes over, or it may not serve, and why. `conflict`: it may not
 * because it accepts writes, and another one is the primary. `foreign`: it is of another database cluster.
 */
export type RoleVerdict =
  | { readonly kind: 'as-expected' }
  | { readonly kind: 'promoted' }
  | { readonly kind: 'refused' | 'conflict' | 'foreign'; readonly problem: string };

const AS_EXPECTED: RoleVerdict = { kind: 'as-expected' };

/** What is known of the others. */
export interface KnownNodes {
  readonly primary: NodeSnapshot;
  readonly replicas: readonly NodeSnapshot[];
  /** The highest timeline known of a primary; `undefined` while none has answered. */
  readonly timeline: number | undefined;
  /** Which server answered as the primary last; absent while that is not known. */
  readonly server?: ServerIdentity;
  /** Whether the server that answers is known to have the primary's history. */
  readonly hasFollowed: (node: NodeSnapshot, answer: ProbeResult) => boolean;
}

/**
 * A writable node is the primary, or becomes it when it writes on a higher timeline than the primary is known to have:
 * it was promoted, if it is known to have followed us. On the same or a lower one it is an old primary that does not know yet, or no
 * standby of ours; so is what answers at the primary's own address on a lower one. What never followed is a copy of the cluster: a
 * clone, or a restored backup. The primary itself, under another address, is no replica, but
 * harms nobody: a name in DNS may stand for all nodes.
 */
export function judgeRole(node: NodeSnapshot, answer: ProbeResult, known: KnownNodes): RoleVerdict {
  if (node.role === 'primary') return judgePrimary(answer, known.timeline);
  if (answer.inRecovery) return AS_EXPECTED;
  const { primary, timeline, server } = known;
  const isSameServer = server !== undefined && answer.identity?.startedAt === server.startedAt;
  if (isSameServer && answer.timeline === timeline)
    return refused(`it is ${primary.name}, the primary, under another address`);
  if (timeline === undefined) {
    return isSoleHeir(node, answer, known)
      ? { kind: 'promoted' }
      : refused('it accepts writes, and the primary has not answered yet');
  }
  if (answer.timeline === undefined) return refused('it accepts writes, and tells no timeline');
  if (answer.timeline > timeline) {
    if (isSameServer || known.hasFollowed(node, answer)) return { kind: 'promoted' };
    return {
      kind: 'conflict',
      problem:
        `it accepts writes on timeline ${answer.timeline}, but was never seen to follow ${primary.name}, the primary on ` +
        `timeline ${timeline}: a copy of the cluster, fenced until it follows`,
    };
  }
  return {
    kind: 'conflict',
    problem:
      `it accepts writes on timeline ${answer.timeline} although ${primary.name} is the primary on timeline ${timeline}: ` +
      'fenced until it follows',
  };
}

function judgePrimary(answer: ProbeResult, timeline: number | undefined): RoleVerdict {
  if (answer.inRecovery)
    return refused(
      'it is configured as the primary but is in recovery (a standby): is it swapped with a replica?',
    );
  if (answer.timeline === undefined || timeline === undefined || answer.timeline >= timeline)
    return AS_EXPECTED;
  return {
    kind: 'conflict',
    problem:
      `at its address a server writes on timeline ${answer.timeline} although the primary was on timeline ${timeline}: ` +
      'an older one, fenced',
  };
}

/**
 * No primary was ever heard of: the application began during a failover. A writable node takes over when the configured
 * primary has failed to answer as one, all others have been asked and none knows a higher timeline, and it was promoted
 * once (timeline 1 is what a server has that never followed anybody, a logical replica for one).
 */
function isSoleHeir(
  node: NodeSnapshot,
  { timeline }: ProbeResult,
  { primary, replicas }: KnownNodes,
): boolean {
  if (timeline === undefined || timeline < 2 || primary.health !== 'down') return false;
  return [primary, ...replicas].every(
    (other) => other.name === node.name || (other.health !== 'unknown' && (other.timeline ?? 0) <= timeline),
  );
}

function refused(problem: string): RoleVerdict {
  return { kind: 'refused', problem };
}
