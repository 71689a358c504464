import { laterPosition, type Position } from '../session/position.js';

/**
 * The positions that nodes have to reach before they may serve. A node that went back (restored from a backup), or took the place
 * of another one, must not show older data than was shown before.
 */
export class RequiredPositions {
  readonly #required = new Map<string, Position>();

  /** Requires that the node reaches the position. */
  require(name: string, position: Position): void {
    this.#required.set(name, laterPosition(this.#required.get(name), position) as Position);
  }

  /** Whether a position is required of the node. */
  has(name: string): boolean {
    return this.#required.has(name);
  }

  /** Drops what is required of the node. */
  forget(name: string): void {
    this.#required.delete(name);
  }

  /** Whether a node that was at `before` and is at `position` now has reached what is required. If so, the requirement ends. */
  hasReached(name: string, position: Position, before: Position | undefined): boolean {
    if (before !== undefined && position < before) this.require(name, before);
    const required = this.#required.get(name);
    if (required !== undefined && position < required) return false;
    this.#required.delete(name);
    return true;
  }
}
