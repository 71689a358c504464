import { laterPosition, type Position } from '../session/position.js';
import { LagClock } from './lag-clock.js';
import type { ProbeResult } from './node-probe.js';
import { RequiredPositions } from './required-positions.js';
import type { NodeSnapshot } from './topology.js';

/** Where the primary was and when, on which timeline, and what replicas have to reach before they follow it. */
export class PrimaryHistory {
  readonly #clock = new LagClock();
  readonly #required = new RequiredPositions();
  /** When nodes have left, by name: another one of that name must not show less than they did. */
  readonly #leftMs = new Map<string, number>();
  /** What everybody had to pass when histories parted last, and the timeline on which the new one began. */
  #parting: { readonly position: Position; readonly timeline: number | undefined } | undefined;
  /** Who has not passed it yet. */
  readonly #parted = new Set<string>();
  /** Nodes' data is no fresher than this, whatever their positions say: by name. */
  readonly #freshAtMost = new Map<string, number>();
  #timeline: number | undefined;
  #server: string | undefined;

  /** The timeline that the primary writes on; `undefined` while none has answered. */
  get timeline(): number | undefined {
    return this.#timeline;
  }

  /** Which server answered as the primary last; `undefined` while that is not known. */
  get server(): string | undefined {
    return this.#server;
  }

  /** Notes what the primary answered when it was asked at `atMs`. */
  observe({ position, timeline, server }: ProbeResult, atMs: number): void {
    this.#timeline = timeline;
    this.#server = server;
    if (position !== undefined) this.#clock.observe(position, atMs);
  }

  /** Behind the primary's address answers another server than before: a failover, or a restored backup. */
  isAnother({ timeline, position }: ProbeResult, before: Position | undefined): boolean {
    const isPromoted = timeline !== undefined && this.#timeline !== undefined && timeline !== this.#timeline;
    return isPromoted || (before !== undefined && position !== undefined && position < before);
  }

  /**
   * From this answer of the primary on its history is another one. `replicas` must get past all that was known of any
   * node before: up to there the positions of two histories cannot be told apart. Or they receive the timeline that began
   * here: a standby asks for one only where its own history is part of it.
   */
  part(
    { position = 0n, timeline }: ProbeResult,
    known: readonly NodeSnapshot[],
    replicas: readonly NodeSnapshot[],
  ): void {
    let highest = position;
    for (const node of known) highest = laterPosition(highest, node.position) as Position;
    this.#clock.reset();
    this.#parting = {
      position: highest + 1n,
      timeline: timeline === this.#timeline || this.#timeline === undefined ? undefined : timeline,
    };
    for (const { name } of replicas) this.#parted.add(name);
  }

  /** A node is watched from now on: its history may have parted before it came. */
  join(name: string): void {
    if (this.#parting !== undefined) this.#parted.add(name);
  }

  /** A node is watched no longer; that is remembered for `keptMs`. */
  leave(name: string, { nowMs, keptMs }: { readonly nowMs: number; readonly keptMs: number }): void {
    for (const [left, leftMs] of this.#leftMs) if (leftMs + keptMs < nowMs) this.#leftMs.delete(left);
    this.#leftMs.set(name, nowMs);
    this.#required.forget(name);
    this.#parted.delete(name);
    this.#freshAtMost.delete(name);
  }

  /**
   * Whether a replica that was at `before` and answers now is where it has to be. Where another one of its name has left,
   * that is what the primary had then: the first answer of the primary after that tells.
   */
  areReached(name: string, answer: ProbeResult, before: Position | undefined): boolean {
    const leftMs = this.#leftMs.get(name);
    if (leftMs !== undefined) {
      const shown = this.#clock.positionAtOrAfter(leftMs);
      if (shown === undefined) return false;
      this.#required.require(name, shown);
      this.#leftMs.delete(name);
    }
    const { position } = answer;
    if (position === undefined) {
      // It has told positions before: without one nobody knows whether it went back.
      if (before !== undefined) this.#required.require(name, before);
      return !this.#parted.has(name) && !this.#required.has(name);
    }
    // In any case: what it has to get back to is noted at once.
    const isBack = this.#required.areReached(name, position, before);
    return this.#hasPassedParting(name, position, answer) && isBack;
  }

  #hasPassedParting(name: string, position: Position, { receiver, timeline }: ProbeResult): boolean {
    if (this.#parting === undefined || !this.#parted.has(name)) return true;
    const isFollowing =
      receiver === 'streaming' && timeline !== undefined && timeline === this.#parting.timeline;
    if (!isFollowing && position < this.#parting.position) return false;
    this.#parted.delete(name);
    return true;
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
