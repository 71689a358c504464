import type { Position } from '../session/position.js';
import type { OwnWrites } from './own-writes.js';
import type { RequestContext } from './request-context.js';

/**
 * From now on reads of `request` also see what `other` has written by now: the one runs inside the other, or was left
 * running by it.
 */
export function includeWrites(request: RequestContext, other: RequestContext): void {
  const { pending, lost, position } = other.writes;
  if (!pending && !lost && position === undefined) return;
  request.cover(positionOf(other.writes));
}

async function positionOf(writes: OwnWrites): Promise<Position> {
  await writes.settled();
  if (writes.unknown || writes.lost || writes.position === undefined)
    throw new Error('the position of a write is not known');
  return writes.position;
}
