import type { Position } from '../session/position.js';
import { LagClock } from './lag-clock.js';
import type { ProbeResult } from './node-probe.js';
import { RequiredPositions } from './required-positions.js';
import type { ServerIdentity } from './server-identity.js';

/** Where the primary was and when, on which epoch, and what replicas have to reach before they serve. */
export class PrimaryHistory {
  readonly #clock = new LagClock();
  readonly #required = new RequiredPositions();
  /** When nodes have left, by name: another one of that name must not show less than they did. */
  readonly #leftMs = new Map<string, number>();
  /** Nodes' data is no fresher than this, whatever their positions say: by name. */
  readonly #freshAtMost = new Map<string, number>();
  /** Replicas whose server was at a position that the primary had then, too. */
  readonly #confirmed = new Set<string>();
  /** Positions that the primary has still to reach before their replicas are confirmed. */
  readonly #unconfirmed = new Map<string, Position>();
  /** What replicas told last, and when; milliseconds of the monotonic clock. */
  readonly #latestOf = new Map<string, { readonly position: Position; readonly atMs: number }>();
  #epoch: number | undefined;
  #identity: ServerIdentity | undefined;
  /** When the primary was asked last and answered; milliseconds of the monotonic clock. */
  #answeredMs = -Infinity;
  /** When it was asked last and told a position. */
  #sampledMs = -Infinity;
  #hasAnswered = false;

  /** The epoch that the primary writes on; `undefined` while none has answered. */
  get epoch(): number | undefined {
    return this.#epoch;
  }

  /** Which server answered as the primary last; `undefined` while that is not known. */
  get identity(): ServerIdentity | undefined {
    return this.#identity;
  }

  /** A primary has answered. */
  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  /** When the primary was asked last and answered; milliseconds of the monotonic clock, `-Infinity` while it never did. */
  get answeredMs(): number {
    return this.#answeredMs;
  }

  /** Notes what the primary answered when it was asked at `atMs`. */
  observe({ position, epoch, identity }: ProbeResult, atMs: number): void {
    this.#epoch = epoch;
    this.#identity = identity;
    this.#answeredMs = atMs;
    this.#hasAnswered = true;
    if (position === undefined) return;
    this.#clock.observe(position, atMs);
    this.#sampledMs = atMs;
    for (const [name, unconfirmed] of this.#unconfirmed) if (unconfirmed <= position) this.#confirm(name);
    this.#confirmEarlier(position);
  }

  /** Replicas that answered while no primary was heard of were not asked to wait: what they told is judged now. */
  #confirmEarlier(primaryPosition: Position): void {
    for (const [name, { position }] of this.#latestOf) {
      if (this.#confirmed.has(name) || this.#unconfirmed.has(name)) continue;
      if (position <= primaryPosition) this.#confirm(name);
      else this.#unconfirmed.set(name, position);
    }
  }

  /**
   * Behind the primary's address answers another server than before, a failover or a restored backup: it writes on another
   * epoch, is not as far, or was already running while the one before it answered.
   */
  isAnother(
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

  /** From this answer of the primary on its history is another one: what was known of the old one counts no more. */
  part(): void {
    this.#clock.reset();
    this.#sampledMs = -Infinity;
    this.#latestOf.clear();
    this.#confirmed.clear();
    this.#unconfirmed.clear();
  }

  /**
   * From now on another server, or another run of it, answers at a replica's address: it must not show less than the one before
   * can have shown by now, which is what the primary has by now.
   */
  renew(name: string, nowMs: number): void {
    this.#leftMs.set(name, nowMs);
    this.#confirmed.delete(name);
    this.#unconfirmed.delete(name);
    this.#latestOf.delete(name);
  }

  /** A node is watched no longer; that is remembered for `keptMs`. */
  leave(name: string, { nowMs, keptMs }: { readonly nowMs: number; readonly keptMs: number }): void {
    for (const [left, leftMs] of this.#leftMs) if (leftMs + keptMs < nowMs) this.#leftMs.delete(left);
    this.#leftMs.set(name, nowMs);
    this.#required.forget(name);
    this.#confirmed.delete(name);
    this.#unconfirmed.delete(name);
    this.#latestOf.delete(name);
    this.#freshAtMost.delete(name);
  }

  /**
   * Whether a replica that was at `before` and answers now is where it has to be. Where another one of its name has left, or
   * another run of its server, that is what the primary had then: the first answer of the primary after that tells.
   */
  areReached(name: string, { position }: ProbeResult, before: Position | undefined): boolean {
    const leftMs = this.#leftMs.get(name);
    if (leftMs !== undefined) {
      const shown = this.#clock.positionAtOrAfter(leftMs);
      if (shown === undefined) {
        if (before !== undefined) this.#required.require(name, before);
        return false;
      }
      this.#required.require(name, shown);
      this.#leftMs.delete(name);
    }
    if (position === undefined) {
      // It has told positions before: without one nobody knows whether it went back.
      if (before !== undefined) this.#required.require(name, before);
      return !this.#required.has(name);
    }
    return this.#required.areReached(name, position, before);
  }

  /** Something is still required of a replica, or of the primary to confirm its position: both are asked soon. */
  isAwaited(name: string): boolean {
    return this.#leftMs.has(name) || this.#unconfirmed.has(name) || this.#required.has(name);
  }

  /** It is an answer of the primary's that a replica waits for before it may serve. */
  awaitsPrimary(name: string): boolean {
    return this.#leftMs.has(name) || this.#unconfirmed.has(name);
  }

  /**
   * Whether a replica that tells `position` at `nowMs` is known not to be beyond the primary. Of a server that is new here that has to
   * be seen once: it may follow another primary, as a copy of the cluster does. While no primary was heard of, nobody can tell.
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
    // The first one: the primary may never be asked just after the latest.
    if (!this.#unconfirmed.has(name)) this.#unconfirmed.set(name, position);
    return false;
  }

  /** Whether a replica was further before the primary was asked last than the primary was then: it follows another one. */
  isBeyond(name: string): boolean {
    const { latest } = this.#clock;
    const told = this.#latestOf.get(name);
    if (told === undefined || latest === undefined) return false;
    if (told.atMs >= this.#sampledMs || told.position <= latest) return false;
    this.#confirmed.delete(name);
    this.#unconfirmed.delete(name);
    this.#latestOf.delete(name);
    return true;
  }

  #confirm(name: string): void {
    this.#unconfirmed.delete(name);
    this.#confirmed.add(name);
  }

  /** A node's own word of how old its data is at least; `undefined` takes it back. */
  limitFreshness(name: string, freshAtMostMs: number | undefined): void {
    if (freshAtMostMs === undefined) this.#freshAtMost.delete(name);
    else this.#freshAtMost.set(name, freshAtMostMs);
  }

  /** A position that is above all that anyone can have seen by then; `undefined` while none is known. */
  positionAtOrAfter(atMs: number): Position | undefined {
    return this.#clock.positionAtOrAfter(atMs);
  }

  /** By when a node that replayed `position` is fresh; `undefined` while unknown. */
  freshAsOf(name: string, position: Position | undefined): number | undefined {
    const atMostMs = this.#freshAtMost.get(name);
    if (position === undefined) return atMostMs;
    const freshAsOfMs = this.#clock.freshAsOf(position);
    return freshAsOfMs === undefined || atMostMs === undefined
      ? freshAsOfMs
      : Math.min(freshAsOfMs, atMostMs);
  }

  /** How much older than the primary's the data at `position` is; `undefined` while unknown. */
  lagMs(position: Position | undefined, nowMs: number): number | undefined {
    const { latest } = this.#clock;
    if (latest === undefined || position === undefined) return undefined;
    if (position >= latest) return 0;
    const freshAsOfMs = this.#clock.freshAsOf(position);
    return freshAsOfMs === undefined ? undefined : nowMs - freshAsOfMs;
  }
}
