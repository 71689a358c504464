const number = new Intl.NumberFormat('en');
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

/** `1,234`. */
export function count(value: number): string {
  return number.format(value);
}

/** `1.2K`. */
export function shortCount(value: number): string {
  return value < 10_000 ? count(value) : short.format(value);
}

/** `0.4 ms`, `40 ms`, `1.2 s`, `3 min`; `unknown` for `null`. */
export function duration(ms: number | null): string {
  if (ms === null) return 'unknown';
  if (ms < 10) return `${trimmed(ms, 1)} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${trimmed(ms / 1_000, 1)} s`;
  if (ms < 3_600_000) return `${trimmed(ms / 60_000, 1)} min`;
  return `${trimmed(ms / 3_600_000, 1)} h`;
}

/** The last such time, in whole minutes, or seconds if it is short: `5 minutes`, `minute`, `40 seconds`. */
export function span(ms: number): string {
  const [value, unit] =
    ms < 60_000 ? [Math.round(ms / 1_000), 'second'] : [Math.floor(ms / 60_000), 'minute'];
  return value === 1 ? unit : plural(value, unit);
}

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB'];

/** `12 bytes`, `3.4 kB`. */
export function bytes(value: number): string {
  const power = value < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(value) / 3));
  return `${trimmed(value / 1_000 ** power, power === 0 ? 0 : 1)} ${UNITS[power]}`;
}

/** `97%`. A share that is neither nothing nor all never looks like it. */
export function percent(share: number): string {
  const value = share * 100;
  if (value > 0 && value < 1) return '<1%';
  if (value > 99 && value < 100) return '>99%';
  return `${Math.round(value)}%`;
}

const time = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const minute = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });

/** `14:03:59`, in the viewer's time zone. */
export function clock(atMs: number): string {
  return time.format(atMs);
}

/** `14:03`. */
export function clockMinute(atMs: number): string {
  return minute.format(atMs);
}

/** `a, b and c`. */
export function list(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

/** `1 read`, `2 reads`. */
export function plural(value: number, word: string): string {
  return `${count(value)} ${word}${value === 1 ? '' : 's'}`;
}

/** Lists of columns that are longer hide what tells one statement from another. */
const LONG_COLUMNS = /^(SELECT (?:DISTINCT )?)(?:(?! FROM ).){40,}( FROM )/is;

/** `SELECT … FROM "products" WHERE "id" = ?`. */
export function withoutColumns(sql: string): string {
  return sql.replace(LONG_COLUMNS, '$1…$2');
}

function trimmed(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}
