import type { ProbeResult } from './node-probe.js';
import type { NodeSnapshot } from './topology.js';

/** What a node says of itself for people, whether it may serve or not. */
export type SelfDescription = Partial<Pick<NodeSnapshot, 'timeline' | 'receiver'>>;

export function selfDescriptionOf({ timeline, receiver }: ProbeResult): SelfDescription {
  return { timeline, receiver };
}
