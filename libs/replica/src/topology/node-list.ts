import { isDeepStrictEqual } from 'node:util';
import type { Home, NodeSnapshot, Topology } from './topology.js';
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

type Homes = readonly Home[];

/**
 * The homes of sessions, that is the configured replicas, and the homes before the last changes. For a while sessions remember
 * what they read at a former home. Lists with the same names and weights count as one.
 */
class HomeHistory {
  readonly #keptMs: number;
  #homes: Homes;
  #former: readonly { readonly homes: Homes; readonly untilMs: number }[] = [];

  /** @param keptMs how long to tell of former homes; milliseconds */
  constructor(homes: Homes, keptMs: number) {
    this.#homes = homes;
    this.#keptMs = keptMs;
  }

  /** From `nowMs` on, sessions are tied to these homes. */
  change(homes: Homes, nowMs: number): void {
    if (areSame(homes, this.#homes)) return;
    if (this.#homes.length === 0) {
      // Sessions read on the primary alone, and know by their positions what it showed them.
      this.#homes = homes;
      return;
    }
    const left = { homes: this.#homes, untilMs: nowMs + this.#keptMs };
    const others = this.#former.filter(
      (former) => !areSame(former.homes, left.homes) && !areSame(former.homes, homes),
    );
    this.#former = [...others, left];
    this.#homes = homes;
  }

  /** What a topology tells about homes at `nowMs`. */
  at(nowMs: number): Pick<Topology, 'homes' | 'formerHomes'> {
    if (this.#former.some(({ untilMs }) => untilMs <= nowMs))
      this.#former = this.#former.filter(({ untilMs }) => untilMs > nowMs);
    return { homes: this.#homes, formerHomes: this.#former.map(({ homes }) => homes) };
  }
}

interface NodeListSources {
  readonly nowMs: () => number;
  readonly homesKeptMs: number;
  readonly changed: () => void;
}

/** Holds what is known of all nodes: an immutable topology, which each change replaces as a whole. */
export class NodeList {
  readonly #sources: NodeListSources;
  readonly #homes: HomeHistory;
  /** The name of the configured primary, which stays a node whatever its role. */
  readonly #configuredPrimary: string;
  #topology: Topology;

  /** Throws a `TypeError` if none of the nodes is the primary. */
  constructor(nodes: readonly WatchedNode[], sources: NodeListSources) {
    this.#sources = sources;
    const snapshots = nodes.map(snapshotOf);
    const primary = snapshots.find((node) => node.role === 'primary');
    if (primary === undefined) throw new TypeError('a topology needs a primary');
    const replicas = snapshots.filter((node) => node.role === 'replica');
    const homes = replicas.map(homeOf);
    this.#homes = new HomeHistory(homes, sources.homesKeptMs);
    this.#configuredPrimary = primary.name;
    this.#topology = frozen({ version: 0, primary, replicas, homes });
  }

  get topology(): Topology {
    return this.#topology;
  }

  isConfiguredPrimary(name: string): boolean {
    return name === this.#configuredPrimary;
  }

  find(name: string): NodeSnapshot | undefined {
    const { primary, replicas } = this.#topology;
    return name === primary.name ? primary : replicas.find((replica) => replica.name === name);
  }

  replace(node: NodeSnapshot): void {
    const { primary, replicas } = this.#topology;
    this.#set({
      primary: node.name === primary.name ? node : primary,
      replicas: replicas.map((replica) => (replica.name === node.name ? node : replica)),
    });
  }

  replaceReplicas(newer: (node: NodeSnapshot) => NodeSnapshot): void {
    this.#set({ replicas: this.#topology.replicas.map(newer) });
  }

  /** Makes a replica the primary. Returns the name of the former primary if that is no longer configured, and so leaves. */
  promote(name: string): string | undefined {
    const { primary, replicas } = this.#topology;
    const promoted = replicas.find((replica) => replica.name === name);
    if (promoted === undefined) return undefined;
    const others = replicas.filter((replica) => replica !== promoted);
    const stays = this.#isConfigured(primary.name);
    this.#set({
      primary: { ...promoted, role: 'primary' },
      replicas: stays ? [{ ...primary, role: 'replica' }, ...others] : others,
    });
    return stays ? undefined : primary.name;
  }

  /**
   * Replaces the configured replicas. Throws a `TypeError` and changes nothing if two nodes share a name, a node has the name of
   * the configured primary, or a node is no replica.
   */
  setReplicas(wanted: readonly WatchedNode[]): ChangedNodes {
    checkNames(wanted, this.#configuredPrimary);
    const { primary, replicas } = this.#topology;
    const changed = changedNodes(wanted, this.#topology, this.#configuredPrimary);
    const labelled = (node: NodeSnapshot): NodeSnapshot => {
      const labels = changed.relabelled.find(({ name }) => name === node.name);
      if (labels === undefined) return node;
      const { weight, region, tags } = labels;
      return { ...node, weight, region, tags };
    };
    const stay = replicas.filter(({ name }) => !changed.removed.includes(name)).map(labelled);
    this.#homes.change(wanted.map(homeOf), this.#sources.nowMs());
    this.#set({ primary: labelled(primary), replicas: [...stay, ...changed.added.map(snapshotOf)] });
    return changed;
  }

  #isConfigured(name: string): boolean {
    return name === this.#configuredPrimary || this.#topology.homes.some((home) => home.name === name);
  }

  #set(newer: Partial<Omit<Topology, 'version'>>): void {
    const version = this.#topology.version + 1;
    const homes = this.#homes.at(this.#sources.nowMs());
    this.#topology = frozen({ ...this.#topology, ...newer, ...homes, version });
    this.#sources.changed();
  }
}

/** Freezes the topology, because balancers and functions of the user's get parts of it. */
function frozen(topology: Topology): Topology {
  Object.freeze(topology.primary);
  Object.freeze(topology.replicas);
  Object.freeze(topology.homes);
  if (topology.formerHomes !== undefined) Object.freeze(topology.formerHomes);
  for (const replica of topology.replicas) Object.freeze(replica);
  return Object.freeze(topology);
}

function homeOf({ name, weight }: Home): Home {
  return { name, weight };
}

function snapshotOf({ name, role, address, weight, region, tags, endpoint }: WatchedNode): NodeSnapshot {
  const node = { name, role, address, health: 'unknown', weight, region, tags } as const;
  return endpoint === undefined ? node : { ...node, endpoint };
}

function areSame(some: Homes, others: Homes): boolean {
  const weights = new Map(others.map(({ name, weight }) => [name, weight]));
  return some.length === others.length && some.every(({ name, weight }) => weights.get(name) === weight);
}

/** It never touches the current primary, nor the configured one, which may be a replica now. */
function changedNodes(
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
    relabelled: kept.filter(
      (node) => !isDeepStrictEqual(labelsOf(node), labelsOf(current.get(node.name) ?? node)),
    ),
    removed: topology.replicas.filter(({ name }) => !keptNames.has(name)).map(({ name }) => name),
  };
}

type Labels = Pick<WatchedNode, 'weight' | 'region' | 'tags'>;

function labelsOf({ weight, region, tags = {} }: Labels): Labels {
  return { weight, region, tags };
}

/** Throws a `TypeError` if two nodes share a name, a node has the name of the configured primary, or a node is no replica. */
function checkNames(wanted: readonly WatchedNode[], configuredPrimary: string): void {
  const names = new Set([configuredPrimary]);
  for (const { name, role } of wanted) {
    if (role !== 'replica') throw new TypeError(`${name} is no replica: only replicas come and go`);
    if (names.has(name)) throw new TypeError(`${name} is the name of two nodes: names are unique`);
    names.add(name);
  }
}
