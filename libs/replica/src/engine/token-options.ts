import { duration, oneOf, type TableOf } from '../options/option.js';
import { READ_OPTIONS, readProblems, type ReadOptions } from './read-options.js';

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

const TOKEN_OPTIONS = {
  ...READ_OPTIONS,
  onLag: oneOf(ON_LAG, { default: 'primary' }),
  timeoutMs: duration({ min: 1 }),
} satisfies TableOf<TokenOptions>;

/** Throws an `InvalidReplicaOptionsError` that lists all mistakes; `where` names the place. */
export function checkTokenOptions(options: TokenOptions, where: string): void {
  const problems = readProblems(options, TOKEN_OPTIONS);
  const { onLag = 'primary', timeoutMs } = { ...options };
  if (timeoutMs !== undefined && onLag === 'primary')
    problems.add('timeoutMs', `belongs to onLag 'wait' and 'retry': with 'primary' nothing waits`);
  problems.throwIfAny(`${where}: `);
}
