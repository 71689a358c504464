import { InvalidReplicaOptionsError } from '../errors/invalid-options.error.js';
import { OptionProblems } from '../options/option-problems.js';
import { checkReadOptions, type ReadOptions } from './read-options.js';

/** What work with a token does while no replica has what the token covers. */
export const ON_LAG = ['primary', 'wait', 'retry'] as const;
export type OnLag = (typeof ON_LAG)[number];

/** Options of `runWithToken()` and `@WithToken()`. */
export interface TokenOptions extends ReadOptions {
  /**
   * What happens while no replica has everything the token covers. `primary`: the work begins at once and reads from
   * the primary. `wait`: the work begins after up to `timeoutMs`, as soon as a replica is ready. `retry`: after that
   * time the work fails with a `ReplicaBehindError` before it has done anything, so that a queue can retry it.
   * Default `primary`.
   */
  readonly onLag?: OnLag;
  /** For `wait` and `retry`; milliseconds, from 1. Default: the module's `catchUpTimeoutMs`. */
  readonly timeoutMs?: number;
}

/** Throws an `InvalidReplicaOptionsError` that lists all mistakes; `where` names the place. */
export function checkTokenOptions(options: TokenOptions, where: string): void {
  if (typeof options !== 'object' || options === null) return checkReadOptions(options, where);
  const problems = new OptionProblems();
  const { onLag, timeoutMs, ...readOptions } = options;
  problems.oneOf('onLag', onLag, ON_LAG);
  problems.number('timeoutMs', timeoutMs, 1);
  if (timeoutMs !== undefined && (onLag ?? 'primary') === 'primary')
    problems.add('timeoutMs', `belongs to onLag 'wait' and 'retry': with 'primary' nothing waits`);
  try {
    checkReadOptions(readOptions, where);
  } catch (error) {
    if (!(error instanceof InvalidReplicaOptionsError)) throw error;
    throw new InvalidReplicaOptionsError([...error.problems, ...named(problems.list, where)]);
  }
  if (problems.list.length > 0) throw new InvalidReplicaOptionsError(named(problems.list, where));
}

function named(lines: readonly string[], where: string): string[] {
  return lines.map((line) => `${where}: ${line}`);
}
