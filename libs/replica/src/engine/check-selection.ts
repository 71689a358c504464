import { InvalidReplicaOptionsError } from '../errors/invalid-options.error.js';
import { describeName, type OptionProblems } from '../options/option-problems.js';
import { listOf, type ReplicaSelection } from '../routing/replica-filter.js';
import type { Consistency } from '../routing/route.js';

/** Finds mistakes in a read's choice of replicas. {@link unknownReplicas} tells whether the named replicas exist. */
export function checkSelection(
  problems: OptionProblems,
  { replica, tags, region, consistency }: ReplicaSelection & { readonly consistency?: Consistency },
): void {
  const asked = Object.entries({ replica, tags, region }).filter(([, value]) => value !== undefined);
  for (const [key, value] of asked) {
    const list = listOf(value);
    if (list.length === 0) problems.add(key, 'must not be an empty list');
    list.forEach((one, index) => {
      const path = Array.isArray(value) ? `${key}[${index}]` : key;
      if (key === 'tags') problems.tags(path, one ?? null);
      else problems.text(path, one ?? null);
    });
  }
  const [first, second] = asked.map(([key]) => key);
  if (first === undefined) return;
  if (second !== undefined)
    problems.add(second, `cannot stand beside ${first}: give one of replica, tags and region`);
  if (consistency === 'strong')
    problems.add(first, `means nothing with consistency 'strong', which is the primary's`);
}

export function unknownReplicas({ replica }: ReplicaSelection, nodes: readonly string[]): readonly string[] {
  return replica === undefined ? [] : listOf(replica).filter((name) => !nodes.includes(name));
}

/** Throws an `InvalidReplicaOptionsError` if a named replica does not exist. `where` names the place of the mistake. */
export function checkReplicaNames(
  selection: ReplicaSelection,
  nodes: readonly string[],
  where: string,
): void {
  const unknown = unknownReplicas(selection, nodes);
  if (unknown.length > 0) {
    throw new InvalidReplicaOptionsError([`${where}: ${problemOfNames(unknown, nodes)}`]);
  }
}

/** A text for people: which names are not those of nodes, and which nodes there are. */
export function problemOfNames(unknown: readonly string[], nodes: readonly string[]): string {
  return `replica names ${unknown.map(describeName).join(', ')}, but the nodes are ${nodes.join(', ')}`;
}
