import type { Intent } from '../routing/route-query.js';

/**
 * Its reads have leave to be older than what the session has seen: they promise nobody anything beyond their request, and must not take
 * the session away from the node that it reads from.
 */
export function allowsStale({ consistency }: Intent): boolean {
  return consistency === 'bounded' || consistency === 'eventual';
}
