import type { ModuleRef } from '@nestjs/core';
import type { ReplicaRouter } from '../engine/replica-router.js';
import { InvalidReplicaOptionsError } from '../errors/invalid-options.error.js';
import { getRouterSymbol } from './module-tokens.js';

/**
 * The routers of the data sources and pools with these names, wherever in the application their modules stand. Throws an
 * `InvalidReplicaOptionsError` if there is none of a name, or more than one.
 */
export function routersByName(
  modules: ModuleRef,
  names: readonly string[],
): ReadonlyMap<string, ReplicaRouter> {
  const problems: string[] = [];
  const found = new Map<string, ReplicaRouter>();
  for (const name of new Set(names)) {
    const [router, ...others] = routersOf(modules, name);
    if (router === undefined)
      problems.push(
        `there is no data source named ${name}, and no pool: ReplicaModule or ReplicaPoolModule has to make one of that name`,
      );
    else if (others.length > 0)
      problems.push(`a data source and a pool are both named ${name}: give one of them another name`);
    else found.set(name, router);
  }
  if (problems.length > 0) throw new InvalidReplicaOptionsError(problems);
  return found;
}

/** The router of the data source or pool with this name; `undefined` if the application has none, or both. */
export function findRouter(modules: ModuleRef, name: string): ReplicaRouter | undefined {
  const [router, ...others] = routersOf(modules, name);
  return others.length === 0 ? router : undefined;
}

function routersOf(modules: ModuleRef, name: string): ReplicaRouter[] {
  try {
    const found = modules.get<ReplicaRouter>(getRouterSymbol(name), { strict: false, each: true });
    return [...new Set(found)];
  } catch {
    return [];
  }
}
