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
  /** What everybody had to pass when histories parted last. */
  #parting: Position | undefined;
  #timeline: number | undefined;

  /** The timeline that the primary writes on; `undefined` while none has answered. */
  get timeline(): number | undefined {
    return this.#timeline;
  }

  /** Notes what the primary answered when it was asked at `atMs`. */
  observe({ position, timeline }: ProbeResult & { readonly position: Position }, atMs: number): void {
    this.#timeline = timeline;
    this.#clock.observe(position, atMs);
  }

  /** Behind the primary's address answers another server than before: a failover, or a restored backup. */
  isAnother({ timeline, position }: ProbeResult, before: Position | undefined): boolean {
    const isPromoted = timeline !== undefined && this.#timeline !== undefined && timeline !== this.#timeline;
    return isPromoted || (before !== undefined && position !== undefined && position < before);
  }

  /**
   * From `position` on the primary's history is another one. `replicas` must get past all that was known of any node
   * before: up to there the positions of two histories cannot be told apart.
   */
  part(position: Position, known: readonly NodeSnapshot[], replicas: readonly NodeSnapshot[]): void {
    let highest = position;
    for (const node of known) highest = laterPosition(highest, node.position) as Position;
    this.#clock.reset();
    this.#parting = highest + 1n;
    for (const { name } of replicas) this.#required.require(name, this.#parting);
  }

  /** A node is watched from now on: its history may have parted before it came. */
  join(name: string): void {
    if (this.#parting !== undefined) this.#required.require(name, this.#parting);
  }

  /** A node is watched no longer; that is remembered for `keptMs`. */
  leave(name: string, { nowMs, keptMs }: { readonly nowMs: number; readonly keptMs: number }): void {
    for (const [left, leftMs] of this.#leftMs) if (leftMs + keptMs < nowMs) this.#leftMs.delete(left);
    this.#leftMs.set(name, nowMs);
    this.#required.forget(name);
  }

  /**
   * Whether a replica that was at `before` and is at `position` now is where it has to be. Where another one of its name
   * has left, that is what the primary had then: the first answer of the primary after that tells.
   */
  areReached(name: string, position: Position, before: Position | undefined): boolean {
    const leftMs = this.#leftMs.get(name);
    if (leftMs !== undefined) {
      const shown = this.#clock.positionAtOrAfter(leftMs);
      if (shown === undefined) return false;
      this.#required.require(name, shown);
      this.#leftMs.delete(name);
    }
    return this.#required.areReached(name, position, before);
  }

  /** A position that is above all that anyone can have seen by then; `undefined` while none is known. */
  positionAtOrAfter(atMs: number): Position | undefined {
    return this.#clock.positionAtOrAfter(atMs);
  }

  /** By when a node that replayed `position` is fresh; `undefined` while unknown. */
  freshAsOf(position: Position): number | undefined {
    return this.#clock.freshAsOf(position);
  }

  /** How much older than the primary's the data at `position` is; `undefined` while unknown. */
  lagMs(position: Position, nowMs: number): number | undefined {
    const { latest } = this.#clock;
    if (latest === undefined) return undefined;
    if (position >= latest) return 0;
    const freshAsOfMs = this.#clock.freshAsOf(position);
    return freshAsOfMs === undefined ? undefined : nowMs - freshAsOfMs;
  }
}
