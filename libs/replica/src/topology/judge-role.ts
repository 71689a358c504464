import type { DatabaseTerms } from './monitor-settings.js';
import type { ProbeResult, ServerIdentity } from './node-probe.js';
import type { NodeSnapshot, Topology } from './topology.js';

/**
 * What a node's answer means for its role.
 *
 * - `as-expected`: it has the role that it should have.
 * - `promoted`: it is the primary from now on.
 * - `refused`: it may not serve.
 * - `conflict`: it may not serve because it accepts writes although another node is the primary.
 * - `foreign`: it belongs to another database cluster.
 */
export type RoleVerdict =
  | { readonly kind: 'as-expected' }
  | { readonly kind: 'promoted' }
  | { readonly kind: 'refused' | 'conflict' | 'foreign'; readonly problem: string };

const AS_EXPECTED: RoleVerdict = { kind: 'as-expected' };

/** Epochs count from 1: a server on this one was never promoted, so it never followed anybody. */
const FIRST_EPOCH = 1;

export interface KnownPeers extends Pick<Topology, 'primary' | 'replicas'> {
  /** The epoch of the primary that answered last; `undefined` while none has answered. */
  readonly epoch: number | undefined;
  /** Which server answered as the primary last; absent while nobody knows. */
  readonly server?: ServerIdentity;
  /** Whether the server that answers is known to have the primary's history. */
  readonly hasFollowed: (node: NodeSnapshot, answer: ProbeResult) => boolean;
  readonly terms: DatabaseTerms;
}

/**
 * Judges the role of a node by what it answered. Only one node may accept writes:
 *
 * - A writable replica on a higher epoch than the primary's was promoted, if it is known to have followed the primary.
 *   If it never followed, it is a copy of the cluster: a clone, or a restored backup.
 * - A writable replica on the same or a lower epoch is a former primary that has not noticed yet, or no replica of ours.
 *   So is a server that answers at the primary's own address on a lower epoch.
 * - A server behind an endpoint is never promoted: nobody could write once the balancer ceases to lead there.
 * - The primary itself under a second address is refused as a replica. That is harmless: one DNS name may stand for all
 *   nodes.
 */
export function judgeRole(node: NodeSnapshot, answer: ProbeResult, known: KnownPeers): RoleVerdict {
  if (node.role === 'primary') return judgePrimary(answer, known);
  if (answer.isReadOnly) return AS_EXPECTED;
  const { primary, epoch, server, terms } = known;
  const isSameServer = server !== undefined && answer.identity?.startedAt === server.startedAt;
  if (isSameServer && answer.epoch === epoch)
    return refused(`it is ${primary.name}, the primary, under another address`);
  if (epoch === undefined) {
    return node.endpoint === undefined && isSoleHeir(node, answer, known)
      ? { kind: 'promoted' }
      : refused('it accepts writes, and the primary has not answered yet');
  }
  if (answer.epoch === undefined) return refused(`it accepts writes, and tells no ${terms.epoch}`);
  if (answer.epoch > epoch && node.endpoint !== undefined) {
    return {
      kind: 'conflict',
      problem:
        `it accepts writes on ${terms.epoch} ${answer.epoch}, but a server behind an endpoint only answers reads: fenced until it ` +
        `follows, or until the address of ${primary.name} leads to it`,
    };
  }
  if (answer.epoch > epoch) {
    if (isSameServer || known.hasFollowed(node, answer)) return { kind: 'promoted' };
    return {
      kind: 'conflict',
      problem:
        `it accepts writes on ${terms.epoch} ${answer.epoch}, but was never seen to follow ${primary.name}, the primary on ` +
        `${terms.epoch} ${epoch}: a copy of the cluster, fenced until it follows`,
    };
  }
  return {
    kind: 'conflict',
    problem:
      `it accepts writes on ${terms.epoch} ${answer.epoch} although ${primary.name} is the primary on ${terms.epoch} ${epoch}: ` +
      'fenced until it follows',
  };
}

function judgePrimary(answer: ProbeResult, { epoch, terms }: KnownPeers): RoleVerdict {
  if (answer.isReadOnly)
    return refused(`it is configured as the primary but is ${terms.readOnly}: is it swapped with a replica?`);
  if (answer.epoch === undefined || epoch === undefined || answer.epoch >= epoch) return AS_EXPECTED;
  return {
    kind: 'conflict',
    problem:
      `at its address a server writes on ${terms.epoch} ${answer.epoch} although the primary was on ${terms.epoch} ${epoch}: ` +
      'an older one, fenced',
  };
}

/**
 * The application started during a failover, so no primary has answered yet. A writable node takes over under three
 * conditions: the configured primary failed to answer as one, every other node was asked and none knows a higher epoch,
 * and this node was promoted at some time.
 */
function isSoleHeir(node: NodeSnapshot, { epoch }: ProbeResult, { primary, replicas }: KnownPeers): boolean {
  if (epoch === undefined || epoch <= FIRST_EPOCH || primary.health !== 'down') return false;
  return [primary, ...replicas].every(
    (other) => other.name === node.name || (other.health !== 'unknown' && (other.epoch ?? 0) <= epoch),
  );
}

export function refused(problem: string): RoleVerdict {
  return { kind: 'refused', problem };
}
