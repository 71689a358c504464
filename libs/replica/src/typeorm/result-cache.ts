import type { DataSource } from 'typeorm';

/** TypeORM's result cache (`cache: true`). Not every version exports a name for the type. */
export type ResultCache = NonNullable<DataSource['queryResultCache']>;
export type CacheOptions = Parameters<ResultCache['getFromCache']>[0];

/** The key by which TypeORM's providers find an entry. */
export function keyOf({ identifier, query }: CacheOptions): string {
  return identifier === undefined || identifier === '' ? (query ?? '') : identifier;
}
