import { laterPosition, type Position } from '../session/position.js';
import { LagClock } from './lag-clock.js';
import type { ProbeResult } from './node-probe.js';
import { RequiredPositions } from './required-positions.js';
import type { NodeSnapshot } from './topology.js';

/** Where the primary was and when, on which timeline, and what replicas have to reach before they follow it. */
export class PrimaryHistory {
  readonly #clock = new LagClock();
  readonly #required = new RequiredPositions();
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
   * From here on the primary's history is another one. Every replica must get past all that was known of any node
   * before: up to there the positions of two histories cannot be told apart.
   */
  part(position: Position, nodes: readonly NodeSnapshot[]): void {
    let highest = position;
    for (const node of nodes) highest = laterPosition(highest, node.position) as Position;
    this.#clock.reset();
    for (const { name, role } of nodes) {
      if (role === 'replica') this.#required.require(name, highest + 1n);
    }
  }

  /** Whether a replica that was at `before` and is at `position` now is where it has to be. */
  areReached(name: string, position: Position, before: Position | undefined): boolean {
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
