import type { Position } from '../session/position.js';

/** The two positions of the primary's history between which a node stood when it gave a cached answer. */
export interface CachedPosition {
  /** The answer shows everything up to here, because the node had it before it was asked. */
  readonly atLeast: Position;
  /** The answer shows nothing beyond this. */
  readonly atMost: Position;
  /** The history of both positions, see `NodePositions`. Positions of different histories cannot be compared. */
  readonly history: number;
}

/** A hexadecimal digit is two of these. */
const SPACES = [' ', '\t', '\n', '\r'] as const;
const DIGITS = /^[ \t\n\r]{80}$/;

/** The length of what is written behind an answer; characters. */
export const POSITION_LENGTH = 80;

/**
 * Writes the position behind a cached answer, as white space. So other instances, and plain TypeORM, still read the
 * same JSON, whatever keeps it. If a provider rewrites the JSON, the position is lost, and the answer no longer
 * serves sessions.
 */
export function withPosition(result: string, { atLeast, atMost, history }: CachedPosition): string {
  const digits = hex(atLeast, 16) + hex(atMost, 16) + hex(BigInt(history), 8);
  return result + digits.replace(/./g, spacesOf);
}

/** Reads what {@link withPosition} has written; `undefined` where there is no such thing. */
export function positionOf(result: unknown): CachedPosition | undefined {
  if (typeof result !== 'string') return undefined;
  const spaces = result.slice(-POSITION_LENGTH);
  if (!DIGITS.test(spaces) || result.at(-POSITION_LENGTH - 1)?.trim() === '') return undefined;
  const digits = Array.from({ length: POSITION_LENGTH / 2 }, (_, n) =>
    digitOf(spaces.slice(2 * n, 2 * n + 2)),
  ).join('');
  return {
    atLeast: BigInt(`0x${digits.slice(0, 16)}`),
    atMost: BigInt(`0x${digits.slice(16, 32)}`),
    history: Number(`0x${digits.slice(32)}`),
  };
}

/** The parts that another position is compared by, in hexadecimal digits. */
export function hexOf({ atLeast, history }: CachedPosition): {
  readonly atLeast: string;
  readonly history: string;
} {
  return { atLeast: hex(atLeast, 16), history: hex(BigInt(history), 8) };
}

function hex(value: bigint, length: number): string {
  return value.toString(16).padStart(length, '0');
}

function spacesOf(digit: string): string {
  const value = Number.parseInt(digit, 16);
  return `${SPACES[value >> 2] ?? ''}${SPACES[value & 3] ?? ''}`;
}

function digitOf([high, low]: string): string {
  const value = 4 * SPACES.indexOf(high as ' ') + SPACES.indexOf(low as ' ');
  return value.toString(16);
}
