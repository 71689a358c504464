import { percentile, say } from './report.js';

/**
 * Runs each of the systems so many times, one after the other and never at once, so that what disturbs the machine for a while
 * disturbs all of them. Each round begins with another one: none is always behind the same neighbour.
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

/** Of all rounds the median, number by number; what is no number is that of the first. */
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
