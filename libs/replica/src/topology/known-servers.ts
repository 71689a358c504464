import type { ProbeResult, ServerIdentity } from './node-probe.js';

/** The server that last answered at a node's address, and the verdict on it. */
interface KnownServer {
  /** `undefined`: the server does not tell. */
  readonly identity: ServerIdentity | undefined;
  /** Why it gets no statements; `undefined`: it may get some. */
  problem: string | undefined;
  isAdmitted: boolean;
}

/** The most replicas to remember by their start. Each restart of a server adds one. */
const MAX_STANDBYS = 1_000;

/** Remembers which servers answered at the nodes' addresses, and which of them followed the primary. */
export class KnownServers {
  readonly #byNode = new Map<string, KnownServer>();
  /** Servers that followed the primary, by their start time. A promotion keeps the start time. */
  readonly #standbys = new Set<string>();
  /** When a server at a node's address last followed the primary, or was the primary; milliseconds of the monotonic clock. */
  readonly #lastMemberMs = new Map<string, number>();

  /** The server that last answered at a node's address; `undefined`: none did, or it does not tell. */
  identityOf(name: string): ServerIdentity | undefined {
    return this.#byNode.get(name)?.identity;
  }

  hasAnswered(name: string): boolean {
    return this.#byNode.has(name);
  }

  /** Why the server that last answered gets no statements; `undefined`: it may get some, or no server has answered. */
  problemOf(name: string): string | undefined {
    return this.#byNode.get(name)?.problem;
  }

  /**
   * Notes who answered. `first`: nobody had answered before. `renewed`: it is another server than before, or another run of it.
   * A server that did or does not tell its identity counts as another one.
   */
  answered(name: string, identity: ServerIdentity | undefined): 'first' | 'same' | 'renewed' {
    const before = this.#byNode.get(name);
    const isSame = before !== undefined && before.identity?.incarnation === identity?.incarnation;
    const isAdmitted = isSame && before.isAdmitted;
    this.#byNode.set(name, { identity, problem: undefined, isAdmitted });
    if (before === undefined) return 'first';
    return isSame ? 'same' : 'renewed';
  }

  refuse(name: string, problem: string): void {
    const known = this.#byNode.get(name);
    if (known !== undefined) known.problem = problem;
  }

  /** The server that last answered has the role that it should have. Returns whether that is news. */
  admit(name: string): boolean {
    const known = this.#byNode.get(name);
    if (known === undefined || known.isAdmitted) return false;
    known.isAdmitted = true;
    return true;
  }

  /** The server that answers follows the primary, or is the primary. */
  noteMember(name: string, { identity, isReadOnly }: ProbeResult, nowMs: number): void {
    this.#lastMemberMs.set(name, nowMs);
    if (identity === undefined || !isReadOnly) return;
    // The set keeps the order of insertion, so the server that was heard of longest ago leaves.
    this.#standbys.delete(identity.startedAt);
    this.#standbys.add(identity.startedAt);
    const [oldest] = this.#standbys;
    if (this.#standbys.size > MAX_STANDBYS && oldest !== undefined) this.#standbys.delete(oldest);
  }

  /** Whether this very server followed the primary, at any address. */
  wasStandby({ startedAt }: ServerIdentity): boolean {
    return this.#standbys.has(startedAt);
  }

  /** When {@link noteMember} was last called for the node; milliseconds of the monotonic clock. `undefined`: never. */
  lastMemberMs(name: string): number | undefined {
    return this.#lastMemberMs.get(name);
  }

  forget(name: string): void {
    this.#byNode.delete(name);
    this.#lastMemberMs.delete(name);
  }
}
