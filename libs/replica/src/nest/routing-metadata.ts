import 'reflect-metadata';
import { InvalidReplicaOptionsError } from '../errors/invalid-options.error.js';
import { describe } from '../options/option-problems.js';
import { checkReadOptions, type ReadOptions } from '../engine/read-options.js';

/** What a decorator asked for. */
export interface RoutingMetadata {
  readonly target: 'primary' | 'replica';
  /** Empty with target `primary`. */
  readonly options: ReadOptions;
  /** The data source that it is about; `undefined`: all. */
  readonly dataSource: string | undefined;
}

/** Under `Symbol.for`: one key, however often the package is installed. */
export const ROUTING_METADATA: unique symbol = Symbol.for('nestjs-replica:routing');

/** What a handler asks for of a data source, or else its class. */
export function metadataFor(
  handler: object,
  type: object | undefined,
  dataSource: string,
): RoutingMetadata | undefined {
  return pick(metadataOn(handler), dataSource) ?? metadataOfClass(type, dataSource);
}

/** What a class asks for, or else the one that it extends. */
export function metadataOfClass(
  type: object | null | undefined,
  dataSource: string,
): RoutingMetadata | undefined {
  for (let next = type; typeof next === 'function'; next = Object.getPrototypeOf(next) as object | null) {
    const metadata = pick(metadataOn(next), dataSource);
    if (metadata !== undefined) return metadata;
  }
  return undefined;
}

/** All that was asked for on a class and on those that it extends. */
export function metadataOfClasses(type: unknown): readonly RoutingMetadata[] {
  const metadata: RoutingMetadata[] = [];
  for (let next = type; typeof next === 'function'; next = Object.getPrototypeOf(next)) {
    metadata.push(...(metadataOn(next) ?? []));
  }
  return metadata;
}

/** Takes the data source's name out of a decorator's options. Throws an `InvalidReplicaOptionsError` if it can be none. */
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

/** All that was asked for on this very method or class. */
export function metadataOn(target: object): readonly RoutingMetadata[] | undefined {
  return Reflect.getOwnMetadata(ROUTING_METADATA, target) as readonly RoutingMetadata[] | undefined;
}

/** What is about this data source counts before what is about all. */
export function pick(
  metadata: readonly RoutingMetadata[] | undefined,
  name: string,
): RoutingMetadata | undefined {
  return (
    metadata?.find(({ dataSource }) => dataSource === name) ??
    metadata?.find(({ dataSource }) => dataSource === undefined)
  );
}
