import type { DataSourceOptions } from 'typeorm';
import type { DatabaseKind } from './database-kind.js';
import { REPLICAS_HOST } from './replicas-host.js';
import { conceal, concealTexts, withoutTexts, WORD } from '../options/conceal.js';
import { ROUTING_KEYS } from '../options/option-table.js';
import type { OptionsOfAnyType } from '../options/typeorm-options.js';
import { decoded } from '../options/option-values.js';
import { TOP_LEVEL_KEYS, type ResolvedNode } from '../options/resolve-nodes.js';
import type { ResolvedOptions } from '../options/resolve-options.js';

/**
 * The original options of the data source that a driver belongs to. As a property of the driver they would be
 * visible.
 */
const GIVEN = new WeakMap<object, OptionsOfAnyType<never>>();

/**
 * The options that TypeORM gets: its own ones, and a `replication` with the primary and one logical replica that
 * stands for all. So TypeORM asks for the replica's pool when it reads and for the primary's otherwise. Both pools
 * are ours.
 */
export function dataSourceOptions(
  options: OptionsOfAnyType<never>,
  { type, primary }: ResolvedOptions<never>,
  { driver, replacedOptions }: { readonly driver: object } & Pick<DatabaseKind, 'replacedOptions'>,
): DataSourceOptions {
  const own = new Set([...ROUTING_KEYS.filter((key) => key !== 'name'), ...TOP_LEVEL_KEYS]);
  keepGiven(driver, options);
  const typeorm = Object.entries(options).filter(([key]) => !own.has(key) && WORD.test(key));
  const translated = {
    ...Object.fromEntries(typeorm.map(([key, value]) => [key, concealed(value)])),
    ...replacedOptions,
    type,
    driver,
    replication: concealed({
      master: withoutSecrets(primary),
      slaves: [{ host: REPLICAS_HOST }],
      defaultMode: 'slave',
    } as const),
  };
  return conceal(translated, () => ({ ...withoutTexts(translated), type })) as unknown as DataSourceOptions;
}

/**
 * Structured loggers write each property of an object by itself, so the `toJSON()` of the options does not protect
 * what is in `extra`, `cache` and the like. They get one of their own.
 */
function concealed<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return value;
  return concealTexts({ ...value });
}

/** Remembers the original options: whoever makes a data source from options with this driver makes it from these. */
export function keepGiven(driver: object, options: OptionsOfAnyType<never>): void {
  GIVEN.set(driver, options);
}

/** Our pools connect. TypeORM needs only the names of server and database. */
function withoutSecrets({ credentials }: ResolvedNode): { host?: string; port?: number; database?: string } {
  const { host, port, database, url } = credentials;
  if (url === undefined) return { host, port, database };
  const { hostname, port: portOfUrl, pathname, searchParams } = new URL(url);
  return {
    host: searchParams.get('host') || hostname || undefined,
    port: Number(searchParams.get('port') || portOfUrl) || undefined,
    database: decoded(pathname.slice(1)) || (searchParams.get('database') ?? database),
  };
}

/**
 * The original options if the driver is ours, because others make a new data source from `{ ...dataSource.options,
 * ... }`. Otherwise the options themselves.
 */
export function optionsAsGiven(options: OptionsOfAnyType<never>): OptionsOfAnyType<never> {
  if (typeof options !== 'object' || options === null) return options;
  const { driver, replication, ...changed } = options as OptionsOfAnyType<never> & {
    driver?: unknown;
  };
  const given = typeof driver === 'object' && driver !== null ? GIVEN.get(driver) : undefined;
  if (given === undefined) return options;
  const isOurs = replication?.slaves.some((node) => node.host === REPLICAS_HOST) === true;
  return { ...given, ...changed, ...(isOurs || replication === undefined ? {} : { replication }) };
}
