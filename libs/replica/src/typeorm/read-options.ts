import { InvalidReplicaOptionsError } from '../options/invalid-options.error.js';
import { describe, OptionProblems } from '../options/option-problems.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { CONSISTENCIES, type Consistency } from '../routing/route.js';
import type { Intent } from '../routing/route-query.js';

/** How fresh reads have to be; of `@UseReplica()`, `runOnReplica()` and `readOnlyTransaction()`. */
export interface ReadOptions {
  /** Default: the module's `defaultConsistency`. */
  readonly consistency?: Consistency;
  /** For `bounded`: how old an answer may be, in milliseconds, from 1. Default: the module's `maxStalenessMs`. */
  readonly maxStalenessMs?: number;
}

/** Throws an `InvalidReplicaOptionsError` that lists all mistakes; `where` names the place, e.g. `@UseReplica()`. */
export function checkReadOptions(options: ReadOptions, where: string): void {
  const problems = new OptionProblems();
  if (problems.object('', options, ['consistency', 'maxStalenessMs'])) {
    problems.oneOf('consistency', options.consistency, CONSISTENCIES);
    problems.number('maxStalenessMs', options.maxStalenessMs, 1);
    if (
      options.maxStalenessMs !== undefined &&
      options.consistency !== undefined &&
      options.consistency !== 'bounded'
    ) {
      problems.add(
        'maxStalenessMs',
        `belongs to consistency 'bounded' and means nothing with ${describe(options.consistency)}`,
      );
    }
  }
  if (problems.list.length > 0)
    throw new InvalidReplicaOptionsError(problems.list.map((line) => `${where}: ${line}`));
}

/** The intent behind options that were checked. `maxStalenessMs` alone means `bounded`. */
export function intentOf(
  target: Intent['target'],
  options: ReadOptions,
  defaults: Pick<ResolvedOptions, 'defaultConsistency' | 'maxStalenessMs'>,
  safeMethod = true,
): Intent {
  const consistency =
    options.consistency ?? (options.maxStalenessMs === undefined ? defaults.defaultConsistency : 'bounded');
  return {
    target,
    safeMethod,
    consistency,
    maxStalenessMs:
      consistency === 'bounded' ? (options.maxStalenessMs ?? defaults.maxStalenessMs) : undefined,
  };
}
