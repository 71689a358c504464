import { Inject } from '@nestjs/common';
import { DataSourceRouter } from '../typeorm/data-source-router.js';
import { DEFAULT_NAME } from './module-tokens.js';

/**
 * The token under which TypeOrmModule keeps the options of `forRoot()`, and where tools look for them. It exports no
 * name for it.
 */
export const TYPEORM_MODULE_OPTIONS = 'TypeOrmModuleOptions';

/** The options of the data source with that name, shared by the modules behind it. */
export function getReplicaOptionsToken(name: string): string {
  return `${name}ReplicaOptions`;
}

/** The injection token of a data source's router; without a name, that of the default data source. */
export function getDataSourceRouterToken(name: string = DEFAULT_NAME): string | typeof DataSourceRouter {
  return name === DEFAULT_NAME ? DataSourceRouter : `${name}DataSourceRouter`;
}

/** Injects the `DataSourceRouter` of the data source with that name, or of the default one. */
export function InjectDataSourceRouter(name?: string): ParameterDecorator {
  return Inject(getDataSourceRouterToken(name));
}
