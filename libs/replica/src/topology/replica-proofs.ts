import { laterPosition, type Position } from '../session/position.js';
import type { ProbeResult } from './node-probe.js';
import type { NodeSnapshot } from './topology.js';

/** What is known of whom a replica follows. */
export interface ReplicationSource {
  /** It is known to receive from the primary, or from a replica that does; or from another server; or nobody can tell. */
  readonly whom: 'primary' | 'another' | 'unknown';
  /** Fenced servers that write beside the primary: on which epochs. */
  readonly rivalEpochs: readonly (number | undefined)[];
  /** Since histories parted every other node has answered, or failed to: a rival among them would be known. */
  readonly areRivalsKnown: boolean;
  /** The epoch that the primary writes on. */
  readonly primaryEpoch: number | undefined;
}

/** A replica was seen to receive from the primary. */
interface Witness {
  /** Where it was when that was seen first; `undefined`: it did not tell. */
  readonly from: Position | undefined;
  /** It has replayed more since. */
  hasAdvanced: boolean;
}

/**
 * Which replicas are known to have the primary's history. Numbers alone do not tell: two servers that were promoted apart write on
 * the same epoch, and up to where they parted, and often beyond, their positions look alike.
 */
export class ReplicaProofs {
  /** What everybody had to pass when histories parted last, and the epoch on which the new one began. */
  #parting: { readonly position: Position; readonly epoch: number | undefined } | undefined;
  /** Who has not passed it yet. */
  readonly #parted = new Set<string>();
  /** Who was seen to receive from the primary itself since, and where it was then. */
  readonly #witnessed = new Map<string, Witness>();

  /** The primary's history is another one from this answer on; `known`: all nodes as they were before. */
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

  /** A node is watched from now on, or is another server than before: its history may have parted before it came. */
  join(name: string): void {
    this.#witnessed.delete(name);
    if (this.#parting !== undefined) this.#parted.add(name);
  }

  leave(name: string): void {
    this.#parted.delete(name);
    this.#witnessed.delete(name);
  }

  /** It has still to pass what was known before the histories parted. */
  isParted(name: string): boolean {
    return this.#parted.has(name);
  }

  /**
   * Whether a replica that answers so has the primary's history. Who is known to receive from another server has not. Who has to
   * pass the parting does so by receiving the new epoch, which a standby asks for only where its own history is part of it, or
   * by getting past all positions that were known then; neither says anything while a rival may be the one that it follows.
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
    if (whom === 'primary') this.#witness(name, answer);
    if (rivalEpochs.includes(primaryEpoch) && !this.#isProvenBesideRival(name, answer, whom)) return false;
    if (whom === 'primary') this.#parted.delete(name);
    return this.#hasPassedParting(name, answer, following);
  }

  #witness(name: string, { position }: ProbeResult): void {
    const witness = this.#witnessed.get(name);
    if (witness === undefined) this.#witnessed.set(name, { from: position, hasAdvanced: false });
    else if (position !== undefined && position > (witness.from ?? position)) witness.hasAdvanced = true;
  }

  /**
   * A rival writes on the primary's own epoch. A standby with the rival's history can be made to receive from the primary: then it
   * finds no record that fits its last one, and stays where it is. One that goes on has the primary's history.
   */
  #isProvenBesideRival(
    name: string,
    { isStreaming = false }: ProbeResult,
    whom: ReplicationSource['whom'],
  ): boolean {
    const hasAdvanced = this.#witnessed.get(name)?.hasAdvanced ?? false;
    return hasAdvanced && (whom === 'primary' || !isStreaming);
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
