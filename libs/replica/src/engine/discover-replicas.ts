import { checkObject, duration, type TableOf } from '../options/option.js';
import { OptionProblems } from '../options/option-problems.js';
import type { NodeOptions, ReplicaDiscovery } from '../options/replica-options.js';

/** Options of `discoverReplicas()`. */
export interface DiscoverReplicasOptions {
  /** The pause between two calls, give or take a tenth; milliseconds, from 10. Default 30,000. */
  readonly intervalMs?: number;
}

const OPTIONS = {
  intervalMs: duration({ min: 10, default: 30_000 }),
} satisfies TableOf<DiscoverReplicasOptions>;

/**
 * For the option `discovery`: asks `find` for the replicas, now and at intervals. `find` has ten seconds. If it
 * throws, takes longer or finds no replica, the replicas stay as they are, and it is asked again soon.
 */
export function discoverReplicas(
  find: () => readonly NodeOptions[] | Promise<readonly NodeOptions[]>,
  options: DiscoverReplicasOptions = {},
): ReplicaDiscovery {
  const problems = new OptionProblems();
  if (typeof find !== 'function')
    problems.add('discoverReplicas()', 'must be given a function that gives a list of nodes');
  checkObject(problems, '', options, OPTIONS);
  return {
    problems: problems.list,
    find: async () => ({
      replicas: await find(),
      validForMs: options.intervalMs ?? OPTIONS.intervalMs.default,
    }),
  };
}
