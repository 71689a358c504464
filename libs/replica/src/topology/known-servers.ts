import type { ProbeResult } from './node-probe.js';
import type { ServerIdentity } from './server-identity.js';

/** What a node's server answered last, and what came of it. */
interface KnownServer {
  /** `undefined`: it does not tell. */
  readonly identity: ServerIdentity | undefined;
  /** Why it may get nothing; `undefined`: it may. */
  problem: string | undefined;
  /** {@link KnownServers.admit} was asked of it. */
  isAdmitted: boolean;
}

/** Standbys that are remembered by their start; each restart of a server makes another. */
const MAX_STANDBYS = 1_000;

/** Which servers have answered at the nodes' addresses, and which of them have followed the primary. */
export class KnownServers {
  readonly #byNode = new Map<string, KnownServer>();
  /** By when they were started: servers that followed the primary. A promotion keeps that. */
  readonly #standbys = new Set<string>();
  /** When a server at the node's address followed the primary, or was it, last; milliseconds of the monotonic clock. */
  readonly #belongedMs = new Map<string, number>();

  /** Which server answered at a node's address last; `undefined`: none, or it does not tell. */
  identityOf(name: string): ServerIdentity | undefined {
    return this.#byNode.get(name)?.identity;
  }

  /** Whether any server has answered at a node's address. */
  hasAnswered(name: string): boolean {
    return this.#byNode.has(name);
  }

  /** Why the server that answered last may get nothing; `undefined`: it may, or none has answered. */
  problemOf(name: string): string | undefined {
    return this.#byNode.get(name)?.problem;
  }

  /**
   * Notes who answered. `first`: nobody had before. `renewed`: another server than before, or another run of it; so is one
   * that does not tell, or did not.
   */
  answered(name: string, identity: ServerIdentity | undefined): 'first' | 'same' | 'renewed' {
    const before = this.#byNode.get(name);
    const isSame = before !== undefined && before.identity?.incarnation === identity?.incarnation;
    const isAdmitted = isSame && before.isAdmitted;
    this.#byNode.set(name, { identity, problem: undefined, isAdmitted });
    if (before === undefined) return 'first';
    return isSame ? 'same' : 'renewed';
  }

  /** The server that answered last may get nothing. */
  refuse(name: string, problem: string): void {
    const known = this.#byNode.get(name);
    if (known !== undefined) known.problem = problem;
  }

  /** The server that answered last has the role that it should have. Says whether that was not known of it. */
  admit(name: string): boolean {
    const known = this.#byNode.get(name);
    if (known === undefined || known.isAdmitted) return false;
    known.isAdmitted = true;
    return true;
  }

  /** The server that answers follows the primary, or is it. */
  belongs(name: string, { identity, isReadOnly }: ProbeResult, nowMs: number): void {
    this.#belongedMs.set(name, nowMs);
    if (identity === undefined || !isReadOnly) return;
    // The set keeps the order of insertion: the one that was heard of longest ago leaves.
    this.#standbys.delete(identity.startedAt);
    this.#standbys.add(identity.startedAt);
    const [oldest] = this.#standbys;
    if (this.#standbys.size > MAX_STANDBYS && oldest !== undefined) this.#standbys.delete(oldest);
  }

  /** Whether this very server has followed the primary, at whatever address. */
  wasStandby({ startedAt }: ServerIdentity): boolean {
    return this.#standbys.has(startedAt);
  }

  /** When a server at the node's address belonged to the others last; `undefined`: never. Milliseconds of the monotonic clock. */
  belongedMs(name: string): number | undefined {
    return this.#belongedMs.get(name);
  }

  /** The node has left. */
  forget(name: string): void {
    this.#byNode.delete(name);
    this.#belongedMs.delete(name);
  }
}
