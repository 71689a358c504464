import { laterPosition, type Position } from '../session/position.js';
import { LagClock } from './lag-clock.js';
import type { ProbeResult, ServerIdentity } from './node-probe.js';

/** Knows the positions of the primary over time, its epoch, and the positions that replicas have to reach before they serve. */
export class PrimaryHistory {
  readonly #clock = new LagClock();
  /**
   * The positions that nodes have to reach before they serve, by name. A node that went back (restored from a backup), or took
   * the place of another one, must not show older data than was shown before.
   */
  readonly #required = new Map<string, Position>();
  /** When nodes left, by name. Another node with such a name must not show older data than they did. */
  readonly #leftMs = new Map<string, number>();
  /** The latest instant up to which nodes may be fresh, whatever their positions say; by name. */
  readonly #freshAtMost = new Map<string, number>();
  /** Replicas that were seen at a position that the primary had reached, too. */
  readonly #confirmed = new Set<string>();
  /** Positions that the primary has yet to reach before the replica is confirmed; by the replica's name. */
  readonly #unconfirmed = new Map<string, Position>();
  /** The last position of each replica, and when it told it; milliseconds of the monotonic clock. */
  readonly #latestOf = new Map<string, { readonly position: Position; readonly atMs: number }>();
  #epoch: number | undefined;
  #identity: ServerIdentity | undefined;
  #answeredMs = -Infinity;
  /** When it was last asked and told a position. */
  #sampledMs = -Infinity;

  /** The epoch on which the primary writes; `undefined` while none has answered. */
  get epoch(): number | undefined {
    return this.#epoch;
  }

  /** The server that last answered as the primary; `undefined` while nobody knows. */
  get identity(): ServerIdentity | undefined {
    return this.#identity;
  }

  /** When the primary was last asked and answered; milliseconds of the monotonic clock, `-Infinity` if it never did. */
  get answeredMs(): number {
    return this.#answeredMs;
  }

  observe({ position, epoch, identity }: ProbeResult, atMs: number): void {
    this.#epoch = epoch;
    this.#identity = identity;
    this.#answeredMs = atMs;
    if (position === undefined) return;
    this.#clock.observe(position, atMs);
    this.#sampledMs = atMs;
    for (const [name, unconfirmed] of this.#unconfirmed) if (unconfirmed <= position) this.#confirm(name);
    this.#confirmEarlier(position);
  }

  /** Judges the replicas that answered before any primary did. They were not made to wait then. */
  #confirmEarlier(primaryPosition: Position): void {
    for (const [name, { position }] of this.#latestOf) {
      if (this.#confirmed.has(name) || this.#unconfirmed.has(name)) continue;
      if (position <= primaryPosition) this.#confirm(name);
      else this.#unconfirmed.set(name, position);
    }
  }

  /**
   * Whether another server than before answers at the primary's address, after a failover or with a restored backup. Such a
   * server writes on another epoch, has an earlier position, or was already running while the former one answered.
   */
  isAnotherServer(
    { epoch, position, identity }: ProbeResult,
    before: Position | undefined,
    nowMs: number,
  ): boolean {
    const isPromoted = epoch !== undefined && this.#epoch !== undefined && epoch !== this.#epoch;
    const wentBack = before !== undefined && position !== undefined && position < before;
    return isPromoted || wentBack || this.#ranBeside(identity, nowMs);
  }

  #ranBeside(identity: ServerIdentity | undefined, nowMs: number): boolean {
    if (identity === undefined || this.#identity === undefined) return false;
    return identity.startedAt !== this.#identity.startedAt && identity.uptimeMs > nowMs - this.#answeredMs;
  }

  /** The primary's history is another one from now on, so what was known of the old one no longer counts. */
  part(): void {
    this.#clock.reset();
    this.#sampledMs = -Infinity;
    this.#latestOf.clear();
    this.#confirmed.clear();
    this.#unconfirmed.clear();
  }

  /** Another server, or another run of it, answers at a replica's address. It must show all that the former one can have shown. */
  renew(name: string, nowMs: number): void {
    this.#leftMs.set(name, nowMs);
    this.#forgetPosition(name);
  }

  /** The node is no longer watched, which is remembered for `keptMs`. */
  leave(name: string, { nowMs, keptMs }: { readonly nowMs: number; readonly keptMs: number }): void {
    for (const [left, leftMs] of this.#leftMs) if (leftMs + keptMs < nowMs) this.#leftMs.delete(left);
    this.#leftMs.set(name, nowMs);
    this.#required.delete(name);
    this.#forgetPosition(name);
    this.#freshAtMost.delete(name);
  }

  /**
   * Whether a replica that was at `before` and answers now has reached the positions required of it. If a node with its name
   * left, or its server was replaced or restarted, it has to reach what the primary had at that time. The primary's first
   * answer after that tells the position.
   */
  hasReached(name: string, { position }: ProbeResult, before: Position | undefined): boolean {
    const leftMs = this.#leftMs.get(name);
    if (leftMs !== undefined) {
      const shown = this.#clock.positionAtOrAfter(leftMs);
      if (shown === undefined) {
        this.#require(name, before);
        return false;
      }
      this.#require(name, shown);
      this.#leftMs.delete(name);
    }
    // If it told positions before and tells none now, nobody knows whether it went back.
    if (position === undefined || (before !== undefined && position < before)) this.#require(name, before);
    const required = this.#required.get(name);
    if (required !== undefined && (position === undefined || position < required)) return false;
    this.#required.delete(name);
    return true;
  }

  #require(name: string, position: Position | undefined): void {
    const later = laterPosition(this.#required.get(name), position);
    if (later !== undefined) this.#required.set(name, later);
  }

  /** Whether a replica still has to reach a position, or the primary still has to confirm one. Both are asked soon. */
  isAwaited(name: string): boolean {
    return this.#leftMs.has(name) || this.#unconfirmed.has(name) || this.#required.has(name);
  }

  /** Whether the replica needs an answer of the primary before it may serve. */
  awaitsPrimary(name: string): boolean {
    return this.#leftMs.has(name) || this.#unconfirmed.has(name);
  }

  /**
   * Whether a replica that tells `position` at `nowMs` is known not to be ahead of the primary. A server that is new here has to
   * show that once, because it may follow another primary, like a copy of the cluster does. While no primary has answered,
   * nobody can tell, and the answer is yes.
   */
  isConfirmed(name: string, position: Position | undefined, nowMs: number): boolean {
    if (position === undefined) return true;
    this.#latestOf.set(name, { position, atMs: nowMs });
    const { latest } = this.#clock;
    if (this.#confirmed.has(name) || latest === undefined) return true;
    if (position <= latest) {
      this.#confirm(name);
      return true;
    }
    // Keeps the first position: the primary may never be asked right after the latest one.
    if (!this.#unconfirmed.has(name)) this.#unconfirmed.set(name, position);
    return false;
  }

  /**
   * The position that a replica told before the primary told an earlier one: the replica follows another server. `undefined`: nothing
   * speaks against it. The position is told once.
   */
  takePositionAhead(name: string): Position | undefined {
    const { latest } = this.#clock;
    const told = this.#latestOf.get(name);
    if (told === undefined || latest === undefined) return undefined;
    if (told.atMs >= this.#sampledMs || told.position <= latest) return undefined;
    this.#forgetPosition(name);
    return told.position;
  }

  #forgetPosition(name: string): void {
    this.#confirmed.delete(name);
    this.#unconfirmed.delete(name);
    this.#latestOf.delete(name);
  }

  #confirm(name: string): void {
    this.#unconfirmed.delete(name);
    this.#confirmed.add(name);
  }

  /** Limits how fresh a node's data may count, as its own probe says; `undefined` lifts the limit. */
  limitFreshness(name: string, freshAtMostMs: number | undefined): void {
    if (freshAtMostMs === undefined) this.#freshAtMost.delete(name);
    else this.#freshAtMost.set(name, freshAtMostMs);
  }

  /** A position that covers everything that anyone can have seen by this instant; `undefined` while none is known. */
  positionAtOrAfter(atMs: number): Position | undefined {
    return this.#clock.positionAtOrAfter(atMs);
  }

  /** The instant up to which a node that has replayed `position` shows all commits; `undefined` while unknown. */
  freshAsOf(name: string, position: Position | undefined): number | undefined {
    const atMostMs = this.#freshAtMost.get(name);
    if (position === undefined) return atMostMs;
    const freshAsOfMs = this.#clock.freshAsOf(position);
    return freshAsOfMs === undefined || atMostMs === undefined
      ? freshAsOfMs
      : Math.min(freshAsOfMs, atMostMs);
  }

  /** How far the data at `position` is behind the primary's, in milliseconds; `undefined` while unknown. */
  lagMs(position: Position | undefined, nowMs: number): number | undefined {
    const { latest } = this.#clock;
    if (latest === undefined || position === undefined) return undefined;
    if (position >= latest) return 0;
    const freshAsOfMs = this.#clock.freshAsOf(position);
    return freshAsOfMs === undefined ? undefined : nowMs - freshAsOfMs;
  }
}
