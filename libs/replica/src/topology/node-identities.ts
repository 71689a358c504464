import { followedNode } from './followed-node.js';
import { judgeCluster, type ClusterVerdict, type KnownCluster } from './judge-cluster.js';
import { KnownServers } from './known-servers.js';
import type { DatabaseTerms } from './monitor-settings.js';
import type { ProbeResult } from './node-probe.js';
import type { PrimaryHistory } from './primary-history.js';
import type { ReplicationSource } from './replica-proofs.js';
import type { ServerIdentity } from './server-identity.js';
import type { NodeSnapshot, Topology } from './topology.js';

/** What {@link NodeIdentities} work with. */
export interface NodeIdentitiesOptions {
  readonly topology: () => Topology;
  readonly isConfiguredPrimary: (name: string) => boolean;
  readonly history: PrimaryHistory;
  readonly terms: DatabaseTerms;
  /** Whether the node has still to pass what was known before histories parted. */
  readonly isParted: (name: string) => boolean;
  /** Milliseconds of a monotonic clock. */
  readonly nowMs: () => number;
}

/** Which server answers at each node's address, of which cluster it is, and whom it follows. */
export class NodeIdentities {
  readonly servers = new KnownServers();
  /** Fenced nodes that accept writes, and the epochs on which they do; until another answer of theirs. */
  readonly rivals = new Map<string, number | undefined>();
  readonly #options: NodeIdentitiesOptions;
  /** Nodes that have neither answered nor failed since histories parted. */
  readonly #unheard = new Set<string>();
  /** The system identifier that all nodes have to have; `undefined`: it is not told, or not known. */
  #system: string | undefined;
  #certainty: KnownCluster['certainty'] = 'unknown';

  constructor(options: NodeIdentitiesOptions) {
    this.#options = options;
  }

  /** The system identifier that all nodes have to have; `undefined`: it is not told, or not known. */
  get system(): string | undefined {
    return this.#system;
  }

  /** The cluster that all nodes have to be of; before any primary has answered. */
  presumeSystem(system: string | undefined): void {
    if (this.#certainty === 'proven') return;
    this.#system = system;
    this.#certainty = 'presumed';
  }

  /** Whether the server that answers is of the primary's cluster. */
  judgeCluster(node: NodeSnapshot, answer: ProbeResult): ClusterVerdict {
    const { primary, replicas } = this.#options.topology();
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
   * Whether a writable server is known to have the history of the primary: it was seen to follow it; or it was started after a
   * server at its address was seen to last, where the primary is away: a standby that was restarted and promoted between
   * two probes. What ran elsewhere meanwhile is a clone, or a restored backup. The configured primary is believed the first time
   * that it answers: the configuration says what it is.
   */
  hasFollowed({ name, position }: NodeSnapshot, answer: ProbeResult): boolean {
    const { identity } = answer;
    if (identity === undefined) return false;
    if (this.servers.wasStandby(identity)) return true;
    const { topology, history, isConfiguredPrimary, nowMs } = this.#options;
    const belongedMs = this.servers.belongedMs(name);
    if (belongedMs === undefined && isConfiguredPrimary(name)) return true;
    if (topology().primary.health !== 'down') return false;
    if (position !== undefined && (answer.position ?? 0n) < position) return false;
    return identity.uptimeMs < nowMs() - (belongedMs ?? history.answeredMs);
  }

  /** Whom a standby that answers follows. */
  sourceOf({ sender }: ProbeResult, name: string): ReplicationSource {
    const { epoch } = this.#options.history;
    return {
      whom: this.#whom(sender),
      rivalEpochs: [...this.rivals.values()],
      areRivalsKnown: [...this.#unheard].every((unheard) => unheard === name),
      primaryEpoch: epoch,
    };
  }

  #whom(sender: string | undefined): ReplicationSource['whom'] {
    const { topology, isParted } = this.#options;
    const { primary, replicas } = topology();
    const nodes = [primary, ...replicas].map(({ name, address }) => ({
      name,
      address,
      ownAddress: this.servers.identityOf(name)?.ownAddress,
    }));
    const followed = followedNode(sender, nodes);
    if (followed === undefined) return 'unknown';
    if (followed === primary.name) return 'primary';
    if (this.rivals.has(followed) || isParted(followed)) return 'another';
    // One that does not answer us may have been promoted.
    const isUp = replicas.some(({ name, health }) => name === followed && health === 'up');
    return isUp ? 'primary' : 'another';
  }

  /** The primary has answered: its cluster is the one. Gives the names of those that were taken for ours, and are not. */
  primaryAnswered({ identity }: ProbeResult): readonly string[] {
    const hasChanged = this.#certainty !== 'proven' && this.#system !== identity?.system;
    this.#system = identity?.system;
    this.#certainty = 'proven';
    if (!hasChanged) return [];
    return this.#options
      .topology()
      .replicas.map(({ name }) => name)
      .filter((name) => this.servers.hasAnswered(name))
      .filter((name) => this.servers.identityOf(name)?.system !== this.#system);
  }

  /** Histories have parted: of nobody else is known yet whether it writes, too. */
  parted(): void {
    for (const { name } of this.#options.topology().replicas) this.#unheard.add(name);
  }

  /** The node has answered, or failed to. */
  heard(name: string): void {
    this.#unheard.delete(name);
  }

  /** The node has left. */
  forget(name: string): void {
    this.servers.forget(name);
    this.rivals.delete(name);
    this.#unheard.delete(name);
  }

  /**
   * Why a connection that leads to the server of this identity may not be used for the node; `undefined`: it may. It has to lead
   * to the very run of the server that the monitor's own connection leads to. Where that is not known yet, to one of
   * the right cluster.
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
    return 'a new connection leads to another server than the monitor, or to another run of it';
  }
}
