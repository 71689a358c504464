import type { Readable } from 'node:stream';

/** What a child process prints counts as printed by the test that runs: it is shown if the test fails. */
export function keepOutput(...outputs: readonly (Readable | null)[]): void {
  for (const output of outputs) output?.on('data', (chunk: Buffer) => process.stderr.write(chunk));
}
