import type { NodeSnapshot } from '../topology/topology.js';
import type { TagSet } from './balancer.js';

/** Replicas that a read asks for: the one of that name, those with all of these labels, or those of a region. */
export type ReplicaFilter =
  | { readonly by: 'name'; readonly name: string }
  | { readonly by: 'tags'; readonly tags: TagSet }
  | { readonly by: 'region'; readonly region: string };

/** Which replicas a read asks for, as the application says it: one of these. */
export interface ReplicaSelection {
  /** The replica that is to answer, by its name; of several the first that may. */
  readonly replica?: string | readonly string[];
  /** A replica that has all of these labels; of several sets the first of which a replica may answer. `{}` is any replica. */
  readonly tags?: TagSet | readonly TagSet[];
  /** A replica of this region; of several the first of which a replica may answer. */
  readonly region?: string | readonly string[];
}

/** The same as a list, the first before the next; `undefined`: nothing was asked for. */
export function filtersOf({ replica, tags, region }: ReplicaSelection): readonly ReplicaFilter[] | undefined {
  if (replica !== undefined) return listOf(replica).map((name) => ({ by: 'name', name }));
  if (tags !== undefined) return listOf(tags).map((set) => ({ by: 'tags', tags: set }));
  return region === undefined ? undefined : listOf(region).map((name) => ({ by: 'region', region: name }));
}

/** One, or a list. */
export function listOf<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}

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
