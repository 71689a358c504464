/**
 * How far a node is in the database's write history. It takes up to 64 bits, so it is a `bigint`, never a `number`. Larger is
 * later. A node whose replayed position is at or past a position shows everything that was committed before it.
 */
export type Position = bigint;

/** The later of two positions, either of which may be unknown. */
export function laterPosition(a: Position | undefined, b: Position | undefined): Position | undefined {
  if (a === undefined) return b;
  if (b === undefined) return a;
  return a >= b ? a : b;
}
