import { InvalidReplicaOptionsError } from '../errors/invalid-options.error.js';
import { OptionProblems } from '../options/option-problems.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { filtersOf, type ReplicaSelection } from '../routing/replica-filter.js';
import { CONSISTENCIES, ON_BEHIND, type Consistency, type OnBehind } from '../routing/route.js';
import type { Intent } from '../routing/route-query.js';
import { checkSelection } from './check-selection.js';

/**
 * Options of reads, for `@UseReplica()`, `runOnReplica()` and `readOnlyTransaction()`: how fresh the data must be,
 * and which replicas may answer.
 */
export interface ReadOptions extends ReplicaSelection {
  /** Default: the module's `defaultConsistency`. */
  readonly consistency?: Consistency;
  /** For `bounded`: how old an answer may be, in milliseconds, from 1. Default: the module's `maxStalenessMs`. */
  readonly maxStalenessMs?: number;
  /**
   * For `session`: read from the primary or wait while no replica has replayed enough. Default: the module's
   * `onBehind`.
   */
  readonly onBehind?: OnBehind;
  /** For `onBehind: 'wait'`; milliseconds, from 1. Default: the module's `catchUpTimeoutMs`. */
  readonly catchUpTimeoutMs?: number;
  /** `true`: a write is a `WritePreventedError`, before it is sent. Default `false`. */
  readonly preventWrites?: boolean;
}

const KEYS: readonly (keyof ReadOptions)[] = [
  'consistency',
  'maxStalenessMs',
  'onBehind',
  'catchUpTimeoutMs',
  'preventWrites',
  'replica',
  'tags',
  'region',
];

/** Throws an `InvalidReplicaOptionsError` that lists all mistakes; `where` names the place, e.g. `@UseReplica()`. */
export function checkReadOptions(options: ReadOptions, where: string): void {
  const problems = new OptionProblems();
  if (problems.object('', options, KEYS)) {
    problems.oneOf('consistency', options.consistency, CONSISTENCIES);
    problems.number('maxStalenessMs', options.maxStalenessMs, 1);
    problems.oneOf('onBehind', options.onBehind, ON_BEHIND);
    problems.number('catchUpTimeoutMs', options.catchUpTimeoutMs, 1);
    problems.boolean('preventWrites', options.preventWrites);
    checkSelection(problems, options);
    if (
      options.maxStalenessMs !== undefined &&
      options.consistency !== undefined &&
      options.consistency !== 'bounded'
    ) {
      problems.add('maxStalenessMs', `belongs to consistency 'bounded' and means nothing with another one`);
    }
  }
  if (problems.list.length > 0)
    throw new InvalidReplicaOptionsError(problems.list.map((line) => `${where}: ${line}`));
}

/** The intent behind options that were checked. `maxStalenessMs` alone means `bounded`. */
export function intentOf(
  target: Intent['target'],
  options: ReadOptions,
  defaults: Pick<ResolvedOptions, 'defaultConsistency' | 'maxStalenessMs' | 'onBehind' | 'catchUpTimeoutMs'>,
  safeMethod = true,
): Intent {
  const consistency =
    options.consistency ?? (options.maxStalenessMs === undefined ? defaults.defaultConsistency : 'bounded');
  return {
    target,
    safeMethod,
    consistency,
    selection: filtersOf(options),
    maxStalenessMs:
      consistency === 'bounded' ? (options.maxStalenessMs ?? defaults.maxStalenessMs) : undefined,
    catchUpTimeoutMs:
      (options.onBehind ?? defaults.onBehind) === 'wait'
        ? (options.catchUpTimeoutMs ?? defaults.catchUpTimeoutMs)
        : 0,
    preventWrites: options.preventWrites ?? false,
  };
}
