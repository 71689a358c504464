import type { DataSource, QueryRunner } from 'typeorm';
import type { ContextStorage } from '../context/context-storage.js';
import { asProvider } from './cache-as-provider.js';
import { cachePositions } from './cache-positions.js';
import type { DataSourceParts } from './data-source-parts.js';
import { RoutedResultCache, type ResultCache } from './routed-result-cache.js';

/** Calls `fn` with a query runner that lets a read use a replica. */
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

/**
 * typeorm-transactional assigns a `query` of its own to the data source, which calls TypeORM's and not ours: outside its transactions
 * it is given the runner that lets a read use a replica. `check` throws where a text is not for a runner of its own.
 */
export function keepQueriesRouted(dataSource: DataSource, check: (sql: string) => void): void {
  let query: DataSource['query'] = dataSource.query.bind(dataSource);
  Object.defineProperty(dataSource, 'query', {
    configurable: true,
    get: () => query,
    set: (assigned: DataSource['query']) => {
      query = ((sql: string, parameters?: never, queryRunner?: QueryRunner) => {
        const isOnRunner = queryRunner !== undefined || dataSource.manager.queryRunner !== undefined;
        return isOnRunner || !dataSource.isInitialized
          ? assigned.call(dataSource, sql, parameters, queryRunner)
          : onReadRunner(dataSource, (runner) => {
              check(sql);
              return assigned.call(dataSource, sql, parameters, runner);
            });
      }) as DataSource['query'];
    },
  });
}

/** Whatever result cache the data source has, or is given later by `setOptions()` or by hand, never shows anyone older data. */
export function keepCacheRouted(
  dataSource: DataSource,
  parts: DataSourceParts,
  contexts: ContextStorage,
): void {
  const route = (provider: ResultCache): ResultCache =>
    asProvider(
      new RoutedResultCache(provider, {
        contexts,
        limits: parts.resolved,
        positions: cachePositions(() => (parts.isStarted ? parts.runtime.watchedBy : undefined)),
        shown: parts.noteShown(),
      }),
      provider,
    );
  const given = dataSource.queryResultCache;
  let cache = given === undefined ? undefined : route(given);
  Object.defineProperty(dataSource, 'queryResultCache', {
    configurable: true,
    enumerable: true,
    get: () => cache,
    set: (assigned: ResultCache | undefined) => {
      cache = assigned === undefined || assigned === cache ? assigned : route(assigned);
    },
  });
}
