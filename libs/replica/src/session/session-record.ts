import type { SessionState } from './session-state.js';

/**
 * The text form of a session's state in a store: the version `2`, then hexadecimal digits for position (16), primaryUntilMs
 * (12), unconfirmedUntilMs (12) and servedAtMs (12), then servedBy. The widths are fixed, so the texts compare like the
 * numbers.
 */
const RECORD = /^2([0-9a-f]{16})([0-9a-f]{12})([0-9a-f]{12})([0-9a-f]{12})([\w.-]{0,64})$/;

const LARGEST_POSITION = 2n ** 64n - 1n;
const LATEST_MS = 2 ** 48 - 1;

/** Throws a `RangeError` for a position that does not fit into 64 bits. */
export function formatSessionRecord({
  position = 0n,
  primaryUntilMs = 0,
  unconfirmedUntilMs = 0,
  servedBy,
  servedAtMs = 0,
}: SessionState): string {
  if (position < 0n || position > LARGEST_POSITION)
    throw new RangeError(`the position ${position} does not fit into 64 bits`);
  const served = servedBy === undefined ? formatMs(0) : formatMs(servedAtMs) + servedBy;
  const until = formatMs(primaryUntilMs) + formatMs(unconfirmedUntilMs);
  return `2${position.toString(16).padStart(16, '0')}${until}${served}`;
}

/** Throws a `TypeError` for anything that {@link formatSessionRecord} does not write. What the session has seen is then unknown. */
export function parseSessionRecord(record: string): SessionState {
  const parts = RECORD.exec(record) ?? [];
  const [, position = '', primaryUntilMs = '', unconfirmedUntilMs = '', servedAtMs = '', servedBy = ''] =
    parts;
  if (position === '') throw new TypeError('the record of a session is damaged, or of an unknown version');
  return {
    position: BigInt(`0x${position}`) || undefined,
    primaryUntilMs: Number.parseInt(primaryUntilMs, 16),
    unconfirmedUntilMs: Number.parseInt(unconfirmedUntilMs, 16),
    servedBy: servedBy === '' ? undefined : servedBy,
    servedAtMs: servedBy === '' ? undefined : Number.parseInt(servedAtMs, 16),
  };
}

function formatMs(ms: number): string {
  return Math.min(Math.max(Math.ceil(ms), 0), LATEST_MS)
    .toString(16)
    .padStart(12, '0');
}
