import type { ProbeResult } from './node-probe.js';
import type { NodeSnapshot } from './topology.js';

/** What a node's answer means for its role: it has it, it takes over, or it may not serve, and why. */
export type RoleVerdict =
  | { readonly kind: 'as-expected' }
  | { readonly kind: 'promoted' }
  | { readonly kind: 'refused'; readonly problem: string };

const AS_EXPECTED: RoleVerdict = { kind: 'as-expected' };

/**
 * A writable node is the primary, or becomes it when it writes on a higher timeline than the primary is known to have:
 * it was promoted. On the same or a lower one it is an old primary that does not know yet, or no standby of ours.
 *
 * `timeline`: the highest one known of a primary; `undefined` while none has answered.
 */
export function judgeRole(
  node: NodeSnapshot,
  answer: ProbeResult,
  known: { readonly primary: NodeSnapshot; readonly timeline: number | undefined },
): RoleVerdict {
  if (node.role === 'primary') {
    return answer.inRecovery
      ? refused('it is configured as the primary but is in recovery (a standby)')
      : AS_EXPECTED;
  }
  if (answer.inRecovery) return AS_EXPECTED;
  const { primary, timeline } = known;
  if (answer.timeline === undefined || timeline === undefined) {
    return refused('it accepts writes, and the primary has not answered yet');
  }
  if (answer.timeline > timeline) return { kind: 'promoted' };
  return refused(
    `it accepts writes on timeline ${answer.timeline} although ${primary.name} is the primary on timeline ${timeline}: ` +
      'fenced until it follows',
  );
}

function refused(problem: string): RoleVerdict {
  return { kind: 'refused', problem };
}
