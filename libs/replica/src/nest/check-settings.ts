import { InvalidReplicaOptionsError } from '../options/invalid-options.error.js';
import { describe, OptionProblems } from '../options/option-problems.js';
import type { ReplicaModuleSettings } from './replica-module-options.js';

/** Throws one `InvalidReplicaOptionsError` with all mistakes in what the module itself is told. */
export function checkSettings({ name, isGlobal, forRoutes, exclude }: ReplicaModuleSettings): void {
  const problems = new OptionProblems();
  problems.text('name', name);
  problems.boolean('isGlobal', isGlobal);
  for (const [key, routes] of Object.entries({ forRoutes, exclude })) {
    if (routes !== undefined && !Array.isArray(routes))
      problems.add(key, `must be a list such as ['orders/{*path}'], not ${describe(routes)}`);
  }
  if (problems.list.length > 0) throw new InvalidReplicaOptionsError(problems.list);
}
