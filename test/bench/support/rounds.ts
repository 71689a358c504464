import { percentile, say } from './report.js';

/**
 * Runs each system several times, one after the other and never at once, so that a disturbance of the machine hits all of them.
 * Each round begins with another system, so none always follows the same neighbour.
 */
export async function inTurns<System>(
  systems: readonly System[],
  rounds: number,
  run: (system: System) => Promise<void>,
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const first = round % systems.length;
    for (const system of [...systems.slice(first), ...systems.slice(0, first)]) {
      say(
        `--- round ${round + 1} of ${rounds}: ${typeof system === 'string' ? system : JSON.stringify(system)}`,
      );
      await run(system);
    }
  }
}

/** The median of all rounds for each number. Other values come from the first round. */
export function medianOf<Result extends object>(rounds: readonly Result[]): Result {
  const [first] = rounds;
  if (first === undefined) throw new RangeError('there is no round');
  const medians = Object.keys(first).map((key) => {
    const values = rounds.map((round) => round[key as keyof Result] as unknown);
    const isNumber = values.every((value) => typeof value === 'number');
    return [key, isNumber ? percentile(values, 0.5) : values[0]];
  });
  return Object.fromEntries(medians) as Result;
}
