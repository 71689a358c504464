import type { NodeSnapshot } from '../topology/topology.js';
import type { TagSet } from './balancer.js';

/** Replicas that a read asks for: the one with this name, those with all of these labels, or those of a region. */
export type ReplicaFilter =
  | { readonly by: 'name'; readonly name: string }
  | { readonly by: 'tags'; readonly tags: TagSet }
  | { readonly by: 'region'; readonly region: string };

/** Which replicas a read asks for, as the application says it. Only one of the fields may be set. */
export interface ReplicaSelection {
  /** The name of the replica that shall answer. Of several names, the first whose replica may answer counts. */
  readonly replica?: string | readonly string[];
  /** Labels that the replica must have. Of several sets, the first that a usable replica matches counts; `{}` matches any replica. */
  readonly tags?: TagSet | readonly TagSet[];
  /** The replica's region. Of several, the first that has a usable replica counts. */
  readonly region?: string | readonly string[];
}

/** The selection as filters in order of preference; `undefined` if it asks for nothing. */
export function filtersOf({ replica, tags, region }: ReplicaSelection): readonly ReplicaFilter[] | undefined {
  if (replica !== undefined) return listOf(replica).map((name) => ({ by: 'name', name }));
  if (tags !== undefined) return listOf(tags).map((set) => ({ by: 'tags', tags: set }));
  return region === undefined ? undefined : listOf(region).map((name) => ({ by: 'region', region: name }));
}

export function listOf<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}

/** Whether the filter matches the replica. One of weight 0 must be asked for by its name or its labels. */
export function matchesFilter(node: NodeSnapshot, filter: ReplicaFilter): boolean {
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

/** As in MongoDB: the node has each label with this value, and no labels match any replica. */
function hasTags({ tags: given, weight }: NodeSnapshot, tags: TagSet): boolean {
  let isAny = true;
  for (const key in tags) {
    isAny = false;
    if (given === undefined || given[key] !== tags[key]) return false;
  }
  return !isAny || weight > 0;
}
