/** What a benchmark was asked for on the command line. */
export const isQuick = process.argv.includes('--quick');
export const wantsJson = process.argv.includes('--json');

/** Progress, for people: standard output is for results alone. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** The results: with --json one object and nothing else, else a table. */
export function report(result: object, table: readonly Record<string, unknown>[]): void {
  if (wantsJson) process.stdout.write(`${JSON.stringify(result)}\n`);
  else console.table(table);
}

/** Ends the benchmark as failed when something that it has to show is not so: a fast wrong run is no result. */
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

/** To so many digits after the point. */
export function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
