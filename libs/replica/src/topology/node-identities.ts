import { judgeCluster, type KnownCluster } from './judge-cluster.js';
import type { RoleVerdict } from './judge-role.js';
import { KnownServers } from './known-servers.js';
import type { DatabaseTerms } from './monitor-settings.js';
import type { NodeList } from './node-list.js';
import type { ProbeResult, ServerIdentity } from './node-probe.js';
import type { PrimaryHistory } from './primary-history.js';
import type { ReplicaProofs, ReplicationSource } from './replica-proofs.js';
import type { NodeSnapshot } from './topology.js';

export interface JudgeSources {
  readonly nodes: Pick<NodeList, 'topology' | 'isConfiguredPrimary'>;
  readonly history: PrimaryHistory;
  readonly terms: DatabaseTerms;
  readonly nowMs: () => number;
}

/** Knows which server answers at each node's address, which cluster it belongs to, and whom it follows. */
export class NodeIdentities {
  readonly servers = new KnownServers();
  /** Fenced nodes that accept writes, with their epochs. A node stays here until it answers otherwise. */
  readonly rivals = new Map<string, number | undefined>();
  readonly #options: JudgeSources;
  readonly #proofs: Pick<ReplicaProofs, 'isParted'>;
  /** Nodes that have neither answered nor failed to answer since histories parted. */
  readonly #unheard = new Set<string>();
  /** The system identifier that every node must have; `undefined`: no server tells it, or nobody knows it. */
  #system: string | undefined;
  #certainty: KnownCluster['certainty'] = 'unknown';

  constructor(options: JudgeSources, proofs: Pick<ReplicaProofs, 'isParted'>) {
    this.#options = options;
    this.#proofs = proofs;
  }

  /** The system identifier that every node must have; `undefined`: no server tells it, or nobody knows it. */
  get system(): string | undefined {
    return this.#system;
  }

  /** Sets the cluster that every node must belong to, until a primary has answered. */
  presumeSystem(system: string | undefined): void {
    if (this.#certainty === 'proven') return;
    this.#system = system;
    this.#certainty = 'presumed';
  }

  /** Why the server that answers may not serve if it does not belong to the primary's cluster; `undefined`: it does. */
  judgeCluster(node: NodeSnapshot, answer: ProbeResult): RoleVerdict | undefined {
    const { primary, replicas } = this.#options.nodes.topology;
    const others = [primary, ...replicas].filter(({ name }) => name !== node.name);
    return judgeCluster(node, answer, {
      system: this.#system,
      certainty: this.#certainty,
      othersSystems: others
        .filter(({ name }) => this.servers.hasAnswered(name))
        .map(({ name }) => this.servers.identityOf(name)?.system),
      areOthersAsked: others.every(({ health }) => health !== 'unknown'),
      terms: this.#options.terms,
    });
  }

  /**
   * Whether a writable server is known to have the history of the primary.
   *
   * - It was seen to follow the primary.
   * - It is the configured primary and answers for the first time: the configuration says what it is.
   * - The primary is away, and the server was started after a server at its address was last seen to follow. That is a replica
   *   which was restarted and promoted between two probes. A server that was already running at that time is a clone, or a
   *   restored backup.
   */
  hasFollowed({ name, position }: NodeSnapshot, answer: ProbeResult): boolean {
    const { identity } = answer;
    if (identity === undefined) return false;
    if (this.servers.wasStandby(identity)) return true;
    const { nodes, history, nowMs } = this.#options;
    const lastMemberMs = this.servers.lastMemberMs(name);
    if (lastMemberMs === undefined && nodes.isConfiguredPrimary(name)) return true;
    if (nodes.topology.primary.health !== 'down') return false;
    if (position !== undefined && (answer.position ?? 0n) < position) return false;
    return identity.uptimeMs < nowMs() - (lastMemberMs ?? history.answeredMs);
  }

  /** What is known of the server that a replica receives from. */
  sourceOf({ sender }: ProbeResult, name: string): ReplicationSource {
    const { history, nodes } = this.#options;
    const { epoch } = history;
    // Any other server that followed would have become the primary.
    const isHeir = ({ name: node, endpoint }: NodeSnapshot): boolean =>
      endpoint !== undefined && (this.rivals.get(node) ?? 0) > (epoch ?? Infinity);
    return {
      whom: this.#whom(sender),
      rivalEpochs: [...this.rivals.values()],
      isHeirWaiting: this.rivals.size > 0 && nodes.topology.replicas.some(isHeir),
      areRivalsKnown: [...this.#unheard].every((unheard) => unheard === name),
      primaryEpoch: epoch,
    };
  }

  #whom(sender: string | undefined): ReplicationSource['whom'] {
    const { primary, replicas } = this.#options.nodes.topology;
    const followed = this.#followedNode(sender, [primary, ...replicas]);
    if (followed === undefined) return 'unknown';
    if (followed === primary.name) return 'primary';
    if (this.rivals.has(followed) || this.#proofs.isParted(followed)) return 'another';
    // A replica that does not answer may have been promoted.
    const isUp = replicas.some(({ name, health }) => name === followed && health === 'up');
    return isUp ? 'primary' : 'another';
  }

  /**
   * The name of the node that a replica receives from, found by the address of its sender. `undefined`: the replica does not tell,
   * or not exactly one node has this address. Behind tunnels, several servers may call themselves 127.0.0.1:5432.
   */
  #followedNode(sender: string | undefined, nodes: readonly NodeSnapshot[]): string | undefined {
    if (sender === undefined) return undefined;
    const called = sender.toLowerCase();
    const found = nodes.filter(
      ({ name, address }) =>
        address.toLowerCase() === called || this.servers.identityOf(name)?.ownAddress === called,
    );
    return found.length === 1 ? found[0]?.name : undefined;
  }

  /** The primary has answered, so its cluster is ours. Returns the names of nodes that were wrongly taken for ours. */
  primaryAnswered({ identity }: ProbeResult): readonly string[] {
    const hasChanged = this.#certainty !== 'proven' && this.#system !== identity?.system;
    this.#system = identity?.system;
    this.#certainty = 'proven';
    if (!hasChanged) return [];
    return this.#options.nodes.topology.replicas
      .map(({ name }) => name)
      .filter((name) => this.servers.hasAnswered(name))
      .filter((name) => this.servers.identityOf(name)?.system !== this.#system);
  }

  /** Histories have parted. From now on nobody knows which other nodes accept writes, too. */
  parted(): void {
    for (const { name } of this.#options.nodes.topology.replicas) this.#unheard.add(name);
  }

  /** The node has answered, or failed to. */
  heard(name: string): void {
    this.#unheard.delete(name);
  }

  forget(name: string): void {
    this.servers.forget(name);
    this.rivals.delete(name);
    this.#unheard.delete(name);
  }

  /**
   * Why a connection to the server of this identity may not be used for the node; `undefined`: it may. The connection has to lead
   * to the same run of the same server as the monitor's own. If the monitor does not know that run yet, the server has to
   * belong to the right cluster.
   */
  objectionTo(name: string, identity: ServerIdentity | undefined): string | undefined {
    const { servers } = this;
    if (!servers.hasAnswered(name)) {
      if (this.#certainty === 'unknown' || identity?.system === this.#system) return undefined;
      return `a new connection leads to a server of another database cluster (system identifier ${identity?.system ?? 'not told'})`;
    }
    const problem = servers.problemOf(name);
    if (problem !== undefined) return problem;
    if (servers.identityOf(name)?.incarnation === identity?.incarnation) return undefined;
    return (
      'a new connection leads to another server than the monitor, or to another run of it ' +
      "(if several servers answer at this address, say servers: 'many')"
    );
  }
}
