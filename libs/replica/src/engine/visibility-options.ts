import { InvalidReplicaOptionsError } from '../errors/invalid-options.error.js';
import { checked, checkObject, duration, oneOf, type TableOf } from '../options/option.js';
import { describe, OptionProblems } from '../options/option-problems.js';
import type { ResolvedOptions } from '../options/resolve-options.js';

/** On how many of the replicas that serve a write has to be visible: a number from 1, or on `all` of them. */
export type VisibleOn = 'all' | number;

/** Options of `router.waitUntilVisible()`. */
export interface VisibilityOptions {
  /**
   * On how many replicas the writes have to be visible. `all`: on each that serves, also those of weight 0; a replica that is
   * down, drained or too old does not count. Default `all`.
   */
  readonly on?: VisibleOn;
  /** The longest wait; milliseconds, from 1. Default 2000. */
  readonly timeoutMs?: number;
}

/** What happens when the replicas do not show a write in time. */
export const ON_TIMEOUT = ['continue', 'error'] as const;
export type OnTimeout = (typeof ON_TIMEOUT)[number];

/** What `@SyncWrite()` asks for, apart from its data source. */
export interface SyncWriteRule {
  /** As {@link VisibilityOptions.on}. Default `all`. */
  readonly visibleOn?: VisibleOn;
  /** The longest wait; milliseconds, from 1. Default 2000. */
  readonly timeoutMs?: number;
  /**
   * `continue`: the answer leaves without the replicas, and the event `visibility:missed` tells of it. `error`: the caller gets
   * a `WriteNotVisibleError`, although the write has happened. Default `continue`.
   */
  readonly onTimeout?: OnTimeout;
}

const visibleOn = checked<VisibleOn, { readonly default: VisibleOn }>(
  "`'all'`, whole number",
  (problems, path, value) => {
    const isNumber = typeof value === 'number' && Number.isInteger(value) && value >= 1;
    if (value !== undefined && value !== 'all' && !isNumber)
      problems.add(path, `must be 'all' or a whole number from 1, not ${describe(value)}`);
  },
  { default: 'all' },
);
const timeoutMs = duration({ min: 1, default: 2_000 });

const VISIBILITY = { on: visibleOn, timeoutMs } satisfies TableOf<VisibilityOptions>;
const SYNC_WRITE = {
  visibleOn,
  timeoutMs,
  onTimeout: oneOf(ON_TIMEOUT, { default: 'continue' }),
} satisfies TableOf<SyncWriteRule>;

/** The options with all defaults. Throws an `InvalidReplicaOptionsError` that lists all mistakes. */
export function resolveVisibility(given: VisibilityOptions): Required<VisibilityOptions> {
  const problems = new OptionProblems();
  checkObject(problems, '', given, VISIBILITY);
  problems.throwIfAny('waitUntilVisible(): ');
  return { on: given.on ?? visibleOn.default, timeoutMs: given.timeoutMs ?? timeoutMs.default };
}

/** The rule with all defaults. Throws an `InvalidReplicaOptionsError` that lists all mistakes. */
export function resolveSyncWrite(given: SyncWriteRule): Required<SyncWriteRule> {
  const problems = new OptionProblems();
  checkObject(problems, '', given, SYNC_WRITE);
  problems.throwIfAny('@SyncWrite(): ');
  return {
    visibleOn: given.visibleOn ?? visibleOn.default,
    timeoutMs: given.timeoutMs ?? timeoutMs.default,
    onTimeout: given.onTimeout ?? SYNC_WRITE.onTimeout.default,
  };
}

/**
 * Why no write can ever be visible on so many replicas; `undefined` if it can. Without any replica nothing has to be waited for,
 * so an application that has none while it is developed needs no other rule.
 *
 * @param replicas how many there are; `undefined`: a discovery may find any number
 */
export function problemOfVisibleOn(
  on: VisibleOn,
  replicas: number | undefined,
  { sticky }: Pick<ResolvedOptions, 'sticky'>,
): string | undefined {
  if (replicas === 0) return undefined;
  if (sticky.mode === 'time')
    return `cannot tell when a write is visible, because sticky.mode 'time' learns no positions: use 'position'`;
  if (on === 'all' || replicas === undefined || on <= replicas) return undefined;
  const there = replicas === 1 ? 'there is only 1' : `there are only ${replicas}`;
  return `asks for ${on} replicas, but ${there}: ask for fewer, or for 'all'`;
}

/** Throws if {@link problemOfVisibleOn} finds a problem. */
export function assertVisibleOn(
  on: VisibleOn,
  replicas: number | undefined,
  options: Pick<ResolvedOptions, 'sticky'>,
): void {
  const problem = problemOfVisibleOn(on, replicas, options);
  if (problem !== undefined) throw new InvalidReplicaOptionsError([`waitUntilVisible(): on ${problem}`]);
}
