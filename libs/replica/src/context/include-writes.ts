import type { Position } from '../session/position.js';
import type { RequestContext } from './request-context.js';

/**
 * From now on reads of `request` also see what `other` has written by now: the one runs inside the other, or was left
 * running by it. What is not known of a write is so for as long as in `other`, and no longer: else one write would keep a job that
 * plans itself again and again on the primary for good.
 */
export function includeWrites(request: RequestContext, other: RequestContext): void {
  const { writes } = other;
  request.writes.shareDeadlines(writes);
  if (writes.isUnderWay || writes.position !== undefined) request.cover(positionOf(request, other));
}

async function positionOf(request: RequestContext, { writes }: RequestContext): Promise<Position> {
  await writes.settled();
  request.writes.shareDeadlines(writes);
  if (writes.position === undefined && writes.isUnderWay)
    throw new Error('the position of a write is not known');
  return writes.position ?? 0n;
}
