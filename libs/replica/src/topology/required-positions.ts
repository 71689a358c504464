import { laterPosition, type Position } from '../session/position.js';

/**
 * What nodes have to reach before they may serve: one that went back (restored from a backup), or took the place of
 * another one, must not show less than was shown before.
 */
export class RequiredPositions {
  readonly #required = new Map<string, Position>();

  /** The node has to get there. */
  require(name: string, position: Position): void {
    this.#required.set(name, laterPosition(this.#required.get(name), position) as Position);
  }

  /** Something is required of the node. */
  has(name: string): boolean {
    return this.#required.has(name);
  }

  /** Nothing is required of the node any more. */
  forget(name: string): void {
    this.#required.delete(name);
  }

  /** Whether a node that was at `before` and is at `position` now is where it has to be. Then nothing is required of it. */
  areReached(name: string, position: Position, before: Position | undefined): boolean {
    if (before !== undefined && position < before) this.require(name, before);
    const required = this.#required.get(name);
    if (required !== undefined && position < required) return false;
    this.#required.delete(name);
    return true;
  }
}
