import { InvalidReplicaOptionsError } from '../errors/invalid-options.error.js';
import { describe } from '../options/option-problems.js';
import { checkReadOptions, type ReadOptions } from '../engine/read-options.js';
import type { SyncWriteRule } from '../engine/visibility-options.js';

/** What `@UseReplica()` or `@ForcePrimary()` asks for. */
export interface RoutingMetadata {
  readonly target: 'primary' | 'replica';
  /** Empty with target `primary`. */
  readonly options: ReadOptions;
  /** The data source that is meant; `undefined`: all. */
  readonly dataSource: string | undefined;
}

/** What `@SyncWrite()` asks for. */
export interface SyncWriteMetadata {
  readonly rule: Required<SyncWriteRule>;
  /** The data source that is meant; `undefined`: all. */
  readonly dataSource: string | undefined;
}

/**
 * Splits the data source's name from a decorator's other options. Throws an `InvalidReplicaOptionsError` for a wrong
 * name.
 */
export function splitOptions<Options extends { readonly dataSource?: string }>(
  given: Options,
  where: string,
): { readonly dataSource: string | undefined; readonly options: Omit<Options, 'dataSource'> } {
  if (typeof given !== 'object' || given === null) checkReadOptions(given, where);
  const { dataSource, ...options } = given;
  if (dataSource !== undefined && (typeof dataSource !== 'string' || dataSource === '')) {
    throw new InvalidReplicaOptionsError([
      `${where}: dataSource must be the name of a data source, not ${describe(dataSource)}`,
    ]);
  }
  return { dataSource, options };
}
