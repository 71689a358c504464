import { laterPosition, type Position } from '../session/position.js';
import type { ProbeResult } from './node-probe.js';
import type { NodeSnapshot } from './topology.js';

/** What is known of the server that a replica receives from. */
export interface ReplicationSource {
  /** `primary`: from the primary, or from a replica that receives from it. `another`: from another server. `unknown`: nobody can tell. */
  readonly whom: 'primary' | 'another' | 'unknown';
  /** The epochs of the rivals: fenced servers that write beside the primary. */
  readonly rivalEpochs: readonly (number | undefined)[];
  /** One of the rivals followed the primary before it was promoted. Others that follow the primary may follow it by now. */
  readonly isHeirWaiting: boolean;
  /** Since histories parted, every other node has answered or failed to answer. So a rival among them would be known. */
  readonly areRivalsKnown: boolean;
  readonly primaryEpoch: number | undefined;
}

interface Witness {
  /** The replica's position when that was first seen; `undefined`: it did not tell. */
  readonly from: Position | undefined;
  /** It has replayed more since. */
  hasAdvanced: boolean;
}

/**
 * Knows which replicas have proved that they have the primary's history. Numbers alone prove nothing: two servers that were
 * promoted independently write on the same epoch, and their positions look alike up to where they parted, and often beyond.
 */
export class ReplicaProofs {
  /** The position that everybody had to pass when histories last parted, and the epoch on which the new one began; `undefined`: the same. */
  #parting: { readonly position: Position; readonly epoch: number | undefined } | undefined;
  /** Names of the replicas that have not passed it yet. */
  readonly #parted = new Set<string>();
  /** Where replicas stood that were ahead of the primary; by name. One whose history parted stays there, also when the primary has passed it. */
  readonly #doubted = new Map<string, Position>();
  /** Replicas that were seen to receive from the primary since then; by name. */
  readonly #witnessed = new Map<string, Witness>();

  /** The primary's history is another one from this answer on. `known`: all nodes as they were known until then. */
  part(
    { position = 0n, epoch }: ProbeResult,
    epochBefore: number | undefined,
    {
      known,
      replicas,
    }: { readonly known: readonly NodeSnapshot[]; readonly replicas: readonly NodeSnapshot[] },
  ): void {
    let highest = position;
    for (const node of known) highest = laterPosition(highest, node.position) as Position;
    this.#parting = {
      position: highest + 1n,
      epoch: epoch === epochBefore || epochBefore === undefined ? undefined : epoch,
    };
    this.#witnessed.clear();
    for (const { name } of replicas) this.#parted.add(name);
  }

  /** The node is watched from now on, or has another server than before, whose history may have parted already. */
  join(name: string): void {
    this.#doubted.delete(name);
    this.#witnessed.delete(name);
    if (this.#parting !== undefined) this.#parted.add(name);
  }

  leave(name: string): void {
    this.#doubted.delete(name);
    this.#parted.delete(name);
    this.#witnessed.delete(name);
  }

  /** The replica was ahead of the primary at this position. */
  doubt(name: string, position: Position): void {
    this.#doubted.set(name, position);
  }

  /** Whether a replica that was ahead of the primary still stands there. */
  isDoubted(name: string, { position = 0n }: ProbeResult): boolean {
    const doubted = this.#doubted.get(name);
    if (doubted === undefined) return false;
    if (position <= doubted) return true;
    this.#doubted.delete(name);
    return false;
  }

  /** Whether the node has yet to pass the positions known before histories parted. */
  isParted(name: string): boolean {
    return this.#parted.has(name);
  }

  /**
   * Whether a replica that answers like this has the primary's history.
   *
   * A replica that is known to receive from another server does not have it. Nor is one believed that may follow a promoted server
   * which is not the primary yet. After histories parted there are two proofs:
   *
   * - The replica receives the new epoch, or receives from the primary. A replica only asks for an epoch of which its own history is a
   *   part. If histories parted without a new epoch (a backup was restored as it was), it has to advance, too.
   * - It has passed every position that was known when histories parted.
   *
   * Neither proves anything while the replica may follow a rival.
   */
  hasHistory(name: string, answer: ProbeResult, following: ReplicationSource): boolean {
    const { isStreaming = false, epoch } = answer;
    const { whom, rivalEpochs, primaryEpoch } = following;
    const isBehindPrimary =
      isStreaming && epoch !== undefined && primaryEpoch !== undefined && epoch < primaryEpoch;
    if (whom === 'another' || isBehindPrimary) {
      this.#witnessed.delete(name);
      return false;
    }
    const isOnPrimarysEpoch = isStreaming && epoch !== undefined && epoch === primaryEpoch;
    if (following.isHeirWaiting && whom !== 'primary' && !isOnPrimarysEpoch) return false;
    if (whom === 'primary') this.#witness(name, answer);
    if (rivalEpochs.includes(primaryEpoch) && !this.#isProvenBesideRival(name, answer, whom)) return false;
    if (whom === 'primary' && this.#isProvenBySource(name, answer)) this.#parted.delete(name);
    return this.#hasPassedParting(name, answer, following);
  }

  #witness(name: string, { position }: ProbeResult): void {
    const witness = this.#witnessed.get(name);
    if (witness === undefined) this.#witnessed.set(name, { from: position, hasAdvanced: false });
    else if (position !== undefined && position > (witness.from ?? position)) witness.hasAdvanced = true;
  }

  /**
   * Whether a replica is proven although a rival writes on the primary's own epoch. A replica with the rival's history can be made
   * to receive from the primary. It then finds no record that fits its last one, and stays where it is. A replica that
   * advances has the primary's history.
   */
  #isProvenBesideRival(
    name: string,
    { isStreaming = false }: ProbeResult,
    whom: ReplicationSource['whom'],
  ): boolean {
    const hasAdvanced = this.#witnessed.get(name)?.hasAdvanced ?? false;
    return hasAdvanced && (whom === 'primary' || !isStreaming);
  }

  /** Whether a replica that receives from the primary has its history. One whose history parted stays where it is. */
  #isProvenBySource(name: string, { position }: ProbeResult): boolean {
    const isNewEpoch = this.#parting?.epoch !== undefined;
    return isNewEpoch || position === undefined || this.#witnessed.get(name)?.hasAdvanced === true;
  }

  #hasPassedParting(
    name: string,
    { isStreaming = false, epoch, position }: ProbeResult,
    following: ReplicationSource,
  ): boolean {
    if (this.#parting === undefined || !this.#parted.has(name)) return true;
    if (!following.areRivalsKnown) return false;
    const isFollowing = isStreaming && epoch !== undefined && epoch === this.#parting.epoch;
    const isAlone = following.rivalEpochs.length === 0;
    const isPast = isAlone && position !== undefined && position >= this.#parting.position;
    if (!isFollowing && !isPast) return false;
    this.#parted.delete(name);
    return true;
  }
}
