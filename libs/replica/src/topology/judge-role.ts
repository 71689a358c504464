import type { ProbeResult } from './node-probe.js';
import type { NodeSnapshot } from './topology.js';

/**
 * What a node's answer means for its role: it has it, it takes over, or it may not serve, and why. `conflict`: it may not
 * because it accepts writes, and another one is the primary.
 */
export type RoleVerdict =
  | { readonly kind: 'as-expected' }
  | { readonly kind: 'promoted' }
  | { readonly kind: 'refused' | 'conflict'; readonly problem: string };

const AS_EXPECTED: RoleVerdict = { kind: 'as-expected' };

/**
 * A writable node is the primary, or becomes it when it writes on a higher timeline than the primary is known to have:
 * it was promoted. On the same or a lower one it is an old primary that does not know yet, or no standby of ours; so is
 * what answers at the primary's own address on a lower one.
 *
 * `timeline`: the highest one known of a primary; `undefined` while none has answered.
 */
export function judgeRole(
  node: NodeSnapshot,
  answer: ProbeResult,
  known: { readonly primary: NodeSnapshot; readonly timeline: number | undefined },
): RoleVerdict {
  const { primary, timeline } = known;
  if (node.role === 'primary') {
    if (answer.inRecovery) return refused('it is configured as the primary but is in recovery (a standby)');
    if (answer.timeline === undefined || timeline === undefined || answer.timeline >= timeline)
      return AS_EXPECTED;
    return {
      kind: 'conflict',
      problem:
        `at its address a server writes on timeline ${answer.timeline} although the primary was on timeline ${timeline}: ` +
        'an older one, fenced',
    };
  }
  if (answer.inRecovery) return AS_EXPECTED;
  if (answer.timeline === undefined || timeline === undefined) {
    return refused('it accepts writes, and the primary has not answered yet');
  }
  if (answer.timeline > timeline) return { kind: 'promoted' };
  return {
    kind: 'conflict',
    problem:
      `it accepts writes on timeline ${answer.timeline} although ${primary.name} is the primary on timeline ${timeline}: ` +
      'fenced until it follows',
  };
}

function refused(problem: string): RoleVerdict {
  return { kind: 'refused', problem };
}
