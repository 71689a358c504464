import { CommandError } from './command.error.js';

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/;

/** The longest time that a timer can count. */
const MAX_MS = 2 ** 31 - 1;

/** Reads a duration of the command line (`500ms`, `5s`, `1m`; a bare number is seconds) as milliseconds. `option` names it. */
export function parseDuration(option: string, text: string, minMs = 0): number {
  const [, count, unit = 's'] = DURATION.exec(text) ?? [];
  const ms = Number(count) * (UNITS_MS[unit] ?? Number.NaN);
  if (ms >= minMs && ms <= MAX_MS) return ms;
  const least = minMs > 0 ? `, from ${formatMs(minMs)}` : '';
  throw new CommandError(`${option} takes a duration such as 500ms, 5s or 1m${least}`);
}

/** Reads a whole number of the command line. */
export function parseCount(option: string, text: string, min = 0): number {
  if (/^\d{1,6}$/.test(text) && Number(text) >= min) return Number(text);
  throw new CommandError(`${option} takes a whole number from ${min}`);
}

/** A duration for people: `40 ms`, `1.2 s`, `3 min 5 s`. */
export function formatMs(ms: number): string {
  if (ms < 1_000) return `${ms > 0 && ms < 10 ? Number(ms.toFixed(1)) : Math.round(ms)} ms`;
  if (ms < 60_000) return `${Number((ms / 1_000).toFixed(1))} s`;
  const seconds = Math.round(ms / 1_000);
  const [hours, minutes, rest] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${rest} s`;
}

/** A time that is counted in whole minutes, or seconds if it is short: `5 min`, `40 s`. */
export function formatSpan(ms: number): string {
  return ms < 60_000 ? `${Math.round(ms / 1_000)} s` : `${Math.floor(ms / 60_000)} min`;
}

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** A size for people, in steps of 1024: `0 B`, `1.5 MB`. */
export function formatBytes(bytes: number): string {
  const step = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), BYTE_UNITS.length - 1);
  return `${Number((bytes / 1024 ** step).toFixed(1))} ${BYTE_UNITS[step]}`;
}

/** A number for people: `12,345`. */
export function formatCount(count: number): string {
  return new Intl.NumberFormat('en-US').format(count);
}

/** A share for people, in whole percent. Only none is 0%, and only all is 100%. */
export function formatShare(part: number, whole: number): string {
  if (whole === 0 || part === 0) return '0%';
  const percent = Math.round((100 * part) / whole);
  if (percent === 0) return 'under 1%';
  return percent === 100 && part < whole ? 'over 99%' : `${percent}%`;
}

/** What a replica's receiver does, behind the state of its node; the server's own word says too little if there is none. */
export function formatReceiver(receiver: string): string {
  return receiver === 'none' || receiver === 'hidden' ? `receiver ${receiver}` : receiver;
}
