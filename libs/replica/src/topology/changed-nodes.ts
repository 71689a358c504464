import type { Topology } from './topology.js';
import type { WatchedNode } from './node-probe.js';

/** What a new list of replicas means for the nodes that are watched. */
export interface ChangedNodes {
  /** New nodes, and nodes with a new address. */
  readonly added: readonly WatchedNode[];
  /** Nodes with the same name and address but another weight or other labels. */
  readonly relabelled: readonly WatchedNode[];
  /** Names of nodes that leave, and of nodes with a new address. */
  readonly removed: readonly string[];
}

/**
 * Compares the wanted replicas with the current ones. It never touches the current primary, whatever the configuration says
 * about it, nor `configuredPrimary`, which may be a replica now.
 */
export function changedNodes(
  wanted: readonly WatchedNode[],
  topology: Topology,
  configuredPrimary: string,
): ChangedNodes {
  const current = new Map([topology.primary, ...topology.replicas].map((node) => [node.name, node]));
  const isSame = ({ name, address }: WatchedNode): boolean => current.get(name)?.address === address;
  const kept = wanted.filter(isSame);
  const keptNames = new Set([...kept.map(({ name }) => name), topology.primary.name, configuredPrimary]);
  return {
    added: wanted.filter(({ name }) => !keptNames.has(name)),
    relabelled: kept.filter((node) => !areLabelsSame(node, current.get(node.name))),
    removed: topology.replicas.filter(({ name }) => !keptNames.has(name)).map(({ name }) => name),
  };
}

type Labels = Pick<WatchedNode, 'weight' | 'region' | 'tags'>;

function areLabelsSame(some: Labels, others: Labels | undefined): boolean {
  const { tags = {}, weight, region } = some;
  const { tags: otherTags = {} } = others ?? {};
  const keys = Object.keys(tags);
  return (
    weight === others?.weight &&
    region === others.region &&
    keys.length === Object.keys(otherTags).length &&
    keys.every((key) => tags[key] === otherTags[key])
  );
}

/** Throws a `TypeError` if two nodes share a name, a node has the name of the configured primary, or a node is no replica. */
export function checkNames(wanted: readonly WatchedNode[], configuredPrimary: string): void {
  const names = new Set([configuredPrimary]);
  for (const { name, role } of wanted) {
    if (role !== 'replica') throw new TypeError(`${name} is no replica: only replicas come and go`);
    if (names.has(name)) throw new TypeError(`${name} is the name of two nodes: names are unique`);
    names.add(name);
  }
}
