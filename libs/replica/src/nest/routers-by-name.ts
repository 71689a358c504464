import type { ModuleRef } from '@nestjs/core';
import { InvalidReplicaOptionsError } from '../errors/invalid-options.error.js';
import { DataSourceRouter } from '../typeorm/data-source-router.js';
import { getDataSourceRouterToken } from './replica-tokens.js';

/**
 * The routers of the data sources with these names, wherever in the application their modules stand. Throws an
 * `InvalidReplicaOptionsError` if there is none of a name.
 */
export function routersByName(
  modules: ModuleRef,
  names: readonly string[],
): ReadonlyMap<string, DataSourceRouter> {
  const routers = new Map(names.map((name) => [name, findRouter(modules, name)]));
  const problems: string[] = [];
  const found = new Map<string, DataSourceRouter>();
  for (const [name, router] of routers) {
    if (router === undefined)
      problems.push(`there is no data source named ${name}: ReplicaModule has to make one of that name`);
    else found.set(name, router);
  }
  if (problems.length > 0) throw new InvalidReplicaOptionsError(problems);
  return found;
}

/** The router of the data source with this name; `undefined` if the application has none. */
export function findRouter(modules: ModuleRef, name: string): DataSourceRouter | undefined {
  try {
    return modules.get<DataSourceRouter>(getDataSourceRouterToken(name), { strict: false });
  } catch {
    return undefined;
  }
}
