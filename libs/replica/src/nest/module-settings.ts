import type { MiddlewareConsumer } from '@nestjs/common';

/** Which routes the context middleware is for, as in `MiddlewareConsumer`. */
type Routes = Parameters<ReturnType<MiddlewareConsumer['apply']>['forRoutes']>;
type ExcludedRoutes = Parameters<ReturnType<MiddlewareConsumer['apply']>['exclude']>;

/** Options of the module, not of the data source or pool. */
export interface ReplicaModuleSettings {
  /** The data source's name, as in `TypeOrmModule`, for applications with several data sources. */
  readonly name?: string;
  /**
   * Whether `DataSourceRouter` can be injected everywhere without importing this module again. Default `true`, as for
   * TypeOrmModule's `DataSource`.
   */
  readonly isGlobal?: boolean;
  /** Routes whose requests get a context. On others everything goes to the primary. Default: all. */
  readonly forRoutes?: Routes;
  /** Routes whose requests get no context. */
  readonly exclude?: ExcludedRoutes;
}

/** What answers tell of the routing. */
export interface HeaderOptions {
  /**
   * Adds two headers to each HTTP response: `x-replica-node` with the distinct nodes that served the request, and
   * `x-replica-reason` with the distinct reasons. Default `false`.
   */
  readonly setHeaders?: boolean;
}
