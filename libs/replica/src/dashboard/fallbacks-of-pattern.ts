import type { PatternStats } from '../observability/router-stats.js';

/** How many reads of this pattern came back to the primary because no replica could answer. */
export function fallbacksOfPattern({ kind, reasons }: Pick<PatternStats, 'kind' | 'reasons'>): number {
  return kind === 'read' ? (reasons['no-eligible-replica'] ?? 0) + (reasons['replica-failed'] ?? 0) : 0;
}
