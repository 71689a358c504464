import { availableParallelism, cpus, loadavg } from 'node:os';

/** What the command line asks of a benchmark. */
export const isQuick = process.argv.includes('--quick');
export const wantsJson = process.argv.includes('--json');

/** Prints progress for people on standard error, because standard output is only for results. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Beyond this load for each processor, before a benchmark begins, something else runs beside it. */
const BUSY_LOAD = 0.5;

/** The machine that a benchmark runs on, and its load before the benchmark was built. */
function machine(): {
  readonly node: string;
  readonly processors: number;
  readonly processor: string;
  readonly loadBefore: number;
  readonly wasBusy: boolean;
} {
  const processors = availableParallelism();
  const loadBefore = Number(process.env.BENCH_LOAD_BEFORE ?? loadavg()[0]);
  return {
    node: process.version,
    processors,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    loadBefore: rounded(loadBefore, 2),
    wasBusy: loadBefore > BUSY_LOAD * processors,
  };
}

function printObject(result: object): void {
  process.stdout.write(`${JSON.stringify({ ...result, machine: machine() })}\n`);
}

function sayMachine(): void {
  const { node, processors, processor, loadBefore, wasBusy } = machine();
  const warning = wasBusy ? ': the machine was BUSY, so the figures are in doubt' : '';
  process.stdout.write(
    `Node ${node}, ${processors} processors (${processor}), load before ${loadBefore}${warning}\n`,
  );
}

/** Prints the results: with --json one object and nothing else, otherwise a table. */
export function report(result: object, table: readonly Record<string, unknown>[]): void {
  if (wantsJson) return printObject(result);
  sayMachine();
  console.table(table);
}

/** Like {@link report}, with several tables under their titles. */
export function reportTables(
  result: object,
  tables: Readonly<Record<string, readonly (object | undefined)[]>>,
): void {
  if (wantsJson) return printObject(result);
  sayMachine();
  for (const [title, rows] of Object.entries(tables)) {
    process.stdout.write(`\n${title}\n${textTable(rows as Record<string, unknown>[])}`);
  }
}

/** A target, and whether it was reached. Missing it is no failure, because machines are noisy. */
export interface Target {
  /** What, and its limit. */
  readonly target: string;
  readonly value: number;
  readonly met: boolean;
}

export function target(what: string, value: number, limit: { atLeast: number } | { atMost: number }): Target {
  return 'atLeast' in limit
    ? { target: `${what} >= ${limit.atLeast}`, value, met: value >= limit.atLeast }
    : { target: `${what} <= ${limit.atMost}`, value, met: value <= limit.atMost };
}

function cellOf(value: unknown): string {
  if (value === undefined || value === null) return '-';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Columns by the first row's keys; numbers to the right. */
function textTable(rows: readonly Record<string, unknown>[]): string {
  const keys = Object.keys(rows[0] ?? {});
  const lines = [keys, ...rows.map((row) => keys.map((key) => cellOf(row[key])))];
  const widths = keys.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const isNumber = keys.map((key) => rows.some((row) => typeof row[key] === 'number'));
  return lines
    .map((line) =>
      line
        .map((cell, column) =>
          isNumber[column] === true ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}

/** Fails the benchmark if something that it has to show is not so. A fast wrong run is no result. */
export function failUnless(holds: boolean, what: string): void {
  if (holds) return;
  say(`FAILED: ${what}`);
  process.exitCode = 1;
}

/** The value below which the share `share` (0 to 1) of the values lies; NaN of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Rounds to this number of decimals. */
export function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
