import type { Position } from '../session/position.js';

/** Between which positions of the primary's history the node stood that gave a cached answer. */
export interface CachedPosition {
  /** The answer shows everything up to here: the node was known to have that before it was asked. */
  readonly atLeast: Position;
  /** The answer shows nothing beyond. */
  readonly atMost: Position;
  /** The timeline on which these positions were read: those of another one say nothing of each other. */
  readonly timeline: number;
}

/** A hexadecimal digit is two of these. */
const SPACES = [' ', '\t', '\n', '\r'] as const;
const DIGITS = /^[ \t\n\r]{80}$/;

/** So many letters long is what is written behind an answer. */
export const POSITION_LENGTH = 80;

/**
 * Writes the position behind a cached answer, as white space: what other instances, and plain TypeORM, read is JSON as before, whatever
 * keeps it. A provider that writes the JSON anew loses the position, and with it no more than the right to serve sessions.
 */
export function withPosition(result: string, { atLeast, atMost, timeline }: CachedPosition): string {
  const digits = hex(atLeast, 16) + hex(atMost, 16) + hex(BigInt(timeline), 8);
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
    timeline: Number(`0x${digits.slice(32)}`),
  };
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
