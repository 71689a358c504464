/**
 * What deciding costs: nanoseconds and newly allocated bytes per decision, per classified statement, and for the way from a
 * statement's text to its node. There is no server and no I/O. Everything runs in a fresh process, in turns, and each result
 * is checked.
 */
import { join } from 'node:path';
import { runInChild } from './support/child.js';
import { withCleanUp } from './support/clean-up.js';
import { isQuick, reportTables, target } from './support/report.js';
import { inTurns, medianOf } from './support/rounds.js';
import type { CallCost } from './support/time-calls.js';

const ROUNDS = isQuick ? 3 : 7;
const BATCHES = isQuick ? 1_000 : 5_000;
/** Megabytes, so that no garbage collection disturbs a batch. */
const YOUNG_GENERATION = 128;

await withCleanUp(async (cleanUp) => {
  const rounds: CallCost[][] = [];
  await inTurns(['decide'], ROUNDS, async () => {
    const file = join(import.meta.dirname, 'decide-calls.js');
    const execArgv = [
      `--min-semi-space-size=${YOUNG_GENERATION}`,
      `--max-semi-space-size=${YOUNG_GENERATION}`,
    ];
    rounds.push(await runInChild<CallCost[]>(file, { batches: BATCHES }, { cleanUp, execArgv }));
  });
  const results = (rounds[0] ?? []).map((_, index) =>
    medianOf(rounds.map((costs) => costs[index] as CallCost)),
  );
  const nsOf = (what: string): number => results.find((it) => it.what === what)?.nsPerCall ?? Number.NaN;
  const limits = {
    'decide, session that has written': 1_000,
    'context, class and decision': 1_000,
    'classify, hit, a new string': 500,
  };
  const targets = Object.entries(limits).map(([what, atMost]) =>
    target(`ns: ${what}`, nsOf(what), { atMost }),
  );
  reportTables({ bench: 'decide', results, targets }, { decide: results, targets });
});
