import { DataSource } from 'typeorm';
import { concealTexts } from '../options/conceal.js';
import type { OptionsOfAnyType } from '../options/typeorm-options.js';
import { resolveOptions } from '../options/resolve-options.js';
import { keepGiven, optionsAsGiven } from './data-source-options.js';
import type { LogSink } from '../engine/operator-log.js';
import { kindOf } from './kind-of.js';
import { ReplicaDataSource } from './replica-data-source.js';

/**
 * The same options, from which TypeORM can make a plain `DataSource`, too. It reaches the primary and nothing else,
 * however the nodes are given.
 */
export function optionsForAnyDataSource(options: OptionsOfAnyType<never>): OptionsOfAnyType<never> {
  const { type, primary } = resolveOptions(options);
  const driver = kindOf(type).plainDriver(options, primary);
  keepGiven(driver, options);
  return concealTexts({ ...options, driver });
}

/**
 * The data source that routes in place of one made from {@link optionsForAnyDataSource}: a plain `DataSource` gives
 * way to a `ReplicaDataSource` of the same options, connected if it was. `undefined` if it was made from other
 * options, or is more than TypeORM made it.
 */
export async function routedInsteadOf(
  made: DataSource,
  log: LogSink,
): Promise<ReplicaDataSource | undefined> {
  if (made instanceof ReplicaDataSource) return made.logTo(log);
  const options = (made as Partial<DataSource>).options as OptionsOfAnyType<never> | undefined;
  if (options === undefined || !isUntouched(made) || optionsAsGiven(options) === options) return undefined;
  if (!made.isInitialized) return new ReplicaDataSource(options).logTo(log);
  await made.destroy();
  // The plain data source has already done what these options ask for.
  const done = { dropSchema: false, synchronize: false, migrationsRun: false };
  return new ReplicaDataSource({ ...options, ...done }).logTo(log).initialize();
}

/** Replacing a subclass, or a data source whose methods a library has replaced, would lose their code. */
function isUntouched(dataSource: DataSource): boolean {
  return (
    Object.getPrototypeOf(dataSource) === DataSource.prototype &&
    Object.values(Object.getOwnPropertyDescriptors(dataSource)).every(
      (property) => 'value' in property && typeof property.value !== 'function',
    )
  );
}
