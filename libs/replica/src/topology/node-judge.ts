import { judgeRole, type KnownPeers, type RoleVerdict } from './judge-role.js';
import { NodeIdentities, type JudgeSources } from './node-identities.js';
import type { ProbeResult } from './node-probe.js';
import { ReplicaProofs } from './replica-proofs.js';
import type { NodeSnapshot, Topology } from './topology.js';

const NOT_REACHED =
  'it has to pass what was shown before: it went back, was started anew, or is another server than before';
const NOT_PROVEN =
  'it cannot be told to follow the primary: its history may have parted from it, or another server sends it what it shows';
const WAS_AHEAD =
  'it was ahead of the primary and has not gone on since: it follows another server, or its history has parted';
const NOT_CONFIRMED = 'it is new, and ahead of all that is known of the primary: that has to be asked';

/** Why a replica may not serve. `wait`: nothing is wrong with it, but too little is known of it yet. */
interface Objection {
  readonly problem: string;
  readonly kind: 'wrong' | 'wait';
}

/** Judges each server that answers at a node's address: whether it is the right one, and what its position is worth. */
export class NodeJudge {
  readonly identities: NodeIdentities;
  readonly #proofs = new ReplicaProofs();
  readonly #options: JudgeSources;
  /** Replicas that may have been promoted, and when they first said so; milliseconds of the monotonic clock. */
  readonly #undecided = new Map<string, number>();

  constructor(options: JudgeSources) {
    this.#options = options;
    this.identities = new NodeIdentities(options, this.#proofs);
  }

  verdictOn(node: NodeSnapshot, answer: ProbeResult): RoleVerdict {
    const { nodes, history, terms } = this.#options;
    const { primary, replicas } = nodes.topology;
    const { epoch, identity: server } = history;
    const known = { primary, replicas, epoch, server, hasFollowed: this.#hasFollowed, terms };
    return this.identities.judgeCluster(node, answer) ?? judgeRole(node, answer, known);
  }

  /**
   * Whether the verdict on a node has to wait for the primary, which is asked soon. A switchover may be faster than the monitor: the
   * new primary is seen to accept writes before the former one is seen to refuse them.
   */
  isUndecided({ name }: NodeSnapshot, verdict: RoleVerdict, answer: ProbeResult, nowMs: number): boolean {
    if (verdict.kind !== 'conflict' || answer.mayBePromoted !== true) {
      this.#undecided.delete(name);
      return false;
    }
    const sinceMs = this.#undecided.get(name) ?? nowMs;
    this.#undecided.set(name, sinceMs);
    return this.#options.history.answeredMs <= sinceMs;
  }

  /**
   * Why a position that a node has told does not cover all that it has shown; `undefined`: it does. A primary that has just become
   * read-only still has all that it showed, if it is the same run of the same server.
   */
  objectionToPosition(node: NodeSnapshot, answer: ProbeResult): string | undefined {
    const verdict = this.verdictOn(node, answer);
    if (!('problem' in verdict)) return undefined;
    const { epoch, identity } = this.#options.history;
    const isFormerPrimary =
      verdict.kind === 'refused' &&
      node.role === 'primary' &&
      answer.isReadOnly &&
      epoch !== undefined &&
      answer.epoch === epoch &&
      identity !== undefined &&
      answer.identity?.incarnation === identity.incarnation;
    return isFormerPrimary ? undefined : verdict.problem;
  }

  readonly #hasFollowed: KnownPeers['hasFollowed'] = (...args) => this.identities.hasFollowed(...args);

  /** Notes which server answers. Returns `true` if a replica's server is another one, or another run: nothing is known of it then. */
  noteServer({ name, role }: NodeSnapshot, { identity }: ProbeResult, nowMs: number): boolean {
    const { servers } = this.identities;
    this.identities.heard(name);
    if (servers.answered(name, identity) !== 'renewed' || role === 'primary') return false;
    this.#options.history.renew(name, nowMs);
    this.#proofs.join(name);
    return true;
  }

  /** Why a replica that answers like this may not serve; `undefined`: it may. */
  objectionTo(
    { name, position, health }: NodeSnapshot,
    answer: ProbeResult,
    nowMs: number,
  ): Objection | undefined {
    const { history } = this.#options;
    const isConfirmed = history.isConfirmed(name, answer.position, nowMs);
    const hasHistory = this.#proofs.hasHistory(name, answer, this.identities.sourceOf(answer, name));
    // Asked in any case, because it also notes the position that the replica has to get back to.
    const hasReached = history.hasReached(name, answer, position);
    if (this.#proofs.isDoubted(name, answer)) return { problem: WAS_AHEAD, kind: 'wrong' };
    if (!hasHistory) return { problem: NOT_PROVEN, kind: 'wrong' };
    this.identities.servers.noteMember(name, answer, nowMs);
    if (!hasReached) return { problem: NOT_REACHED, kind: 'wrong' };
    if (isConfirmed) return undefined;
    return { problem: NOT_CONFIRMED, kind: health === 'down' ? 'wrong' : 'wait' };
  }

  /** Whether a replica is known to follow another server than the primary, because it is ahead of it. */
  doubtIfAhead(name: string): boolean {
    const position = this.#options.history.takePositionAhead(name);
    if (position !== undefined) this.#proofs.doubt(name, position);
    return position !== undefined;
  }

  /** The primary's history is another one from this answer on. `before`: all nodes as they were known until then. */
  part(answer: ProbeResult, { primary, replicas }: Topology): void {
    const { nodes, history } = this.#options;
    const known = [primary, ...replicas];
    this.#proofs.part(answer, history.epoch, { known, replicas: nodes.topology.replicas });
    history.part();
    this.identities.parted();
  }

  join(name: string): void {
    this.#proofs.join(name);
  }

  forget(name: string): void {
    this.identities.forget(name);
    this.#proofs.leave(name);
    this.#undecided.delete(name);
  }

  /** Whether the node has to be asked soon, because its answer (or the primary's) decides whether a replica may serve. */
  isAwaited(name: string): boolean {
    const { nodes, history } = this.#options;
    const { primary, replicas } = nodes.topology;
    if (name !== primary.name) return history.isAwaited(name) || this.#undecided.has(name);
    return this.#undecided.size > 0 || replicas.some((node) => history.awaitsPrimary(node.name));
  }
}
