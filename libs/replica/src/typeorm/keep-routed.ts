import type { DataSource, QueryRunner } from 'typeorm';
import { asProvider } from './cache-as-provider.js';
import { engineOf } from '../engine/replica-router.js';
import type { DataSourceRouter } from './data-source-router.js';
import type { ResultCache } from './result-cache.js';
import { RoutedResultCache } from './routed-result-cache.js';

/** Calls `fn` with a query runner whose reads may use a replica. */
export async function onReadRunner<T>(
  dataSource: DataSource,
  fn: (runner: QueryRunner) => Promise<T>,
): Promise<T> {
  const runner = dataSource.createQueryRunner('slave');
  try {
    return await fn(runner);
  } finally {
    await runner.release();
  }
}

/** What {@link routeQueriesOf} needs of a data source. */
interface QueryingDataSource extends DataSource {
  /** The assigned `query`, called with the right runner. */
  routedQuery?: DataSource['query'];
}

/**
 * typeorm-transactional assigns a `query` of its own to a data source, and that one calls TypeORM's instead of ours.
 * So outside its transactions it gets the runner whose reads may use a replica. `check` throws if a text must not run
 * on such a runner.
 */
export function routeQueriesOf<Source extends DataSource>(
  prototype: Source,
  check: (dataSource: Source, sql: string) => void,
): void {
  // oxlint-disable-next-line typescript/unbound-method -- called on a data source of the class
  const { query } = prototype;
  Object.defineProperty(prototype, 'query', {
    configurable: true,
    get(this: QueryingDataSource) {
      return this.routedQuery ?? query;
    },
    set(this: QueryingDataSource & Source, assigned: DataSource['query']) {
      this.routedQuery = ((sql: string, parameters?: never, queryRunner?: QueryRunner) => {
        const isOnRunner = queryRunner !== undefined || this.manager.queryRunner !== undefined;
        return isOnRunner || !this.isInitialized
          ? assigned.call(this, sql, parameters, queryRunner)
          : onReadRunner(this, (runner) => {
              check(this, sql);
              return assigned.call(this, sql, parameters, runner);
            });
      }) as DataSource['query'];
    },
  });
}

/** What {@link routeCachesOf} needs of a data source. */
interface CachingDataSource {
  /** Comes after TypeORM's own constructor. */
  readonly router?: DataSourceRouter;
  /** The result cache as TypeORM uses it. */
  routedCache?: ResultCache;
}

/**
 * Routes whatever result cache a data source of this class is given, also by `setOptions()` or by hand. The accessors
 * are on the prototype, because with accessors of its own V8 would keep a data source as a dictionary, and TypeORM
 * reads its properties many times per statement.
 */
export function routeCachesOf(prototype: DataSource): void {
  Object.defineProperty(prototype, 'queryResultCache', {
    configurable: true,
    get(this: CachingDataSource) {
      return this.routedCache;
    },
    set(this: CachingDataSource, assigned: ResultCache | undefined) {
      const isAsItIs = assigned === undefined || assigned === this.routedCache || this.router === undefined;
      this.routedCache = isAsItIs
        ? assigned
        : asProvider(new RoutedResultCache(assigned, engineOf(this.router)), assigned);
    },
  });
}

/** Routes the cache that TypeORM's constructor has made. Call it when the data source has its router. */
export function keepCacheRouted(dataSource: DataSource): void {
  const made = dataSource.queryResultCache;
  dataSource.queryResultCache = undefined;
  dataSource.queryResultCache = made;
}
