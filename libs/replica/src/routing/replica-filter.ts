import type { NodeSnapshot } from '../topology/topology.js';
import type { TagSet } from './balancer.js';

/** Replicas that a read asks for: the one of that name, those with all of these labels, or those of a region. */
export type ReplicaFilter =
  | { readonly by: 'name'; readonly name: string }
  | { readonly by: 'tags'; readonly tags: TagSet }
  | { readonly by: 'region'; readonly region: string };

/** Whether the replica is among those that are asked for. One of weight 0 has to be asked for by its name or its labels. */
export function isAskedFor(node: NodeSnapshot, filter: ReplicaFilter): boolean {
  switch (filter.by) {
    case 'name':
      return node.name === filter.name;
    case 'tags':
      return hasTags(node, filter.tags);
    case 'region':
      break;
  }
  return node.weight > 0 && node.region === filter.region;
}

/** As in MongoDB: each label is there with this value; no labels are any replica. */
function hasTags({ tags: given, weight }: NodeSnapshot, tags: TagSet): boolean {
  let isAny = true;
  for (const key in tags) {
    isAny = false;
    if (given === undefined || given[key] !== tags[key]) return false;
  }
  return !isAny || weight > 0;
}
