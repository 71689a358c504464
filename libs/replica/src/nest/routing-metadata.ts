import 'reflect-metadata';
import { InvalidReplicaOptionsError } from '../errors/invalid-options.error.js';
import { describe } from '../options/option-problems.js';
import { checkReadOptions, type ReadOptions } from '../engine/read-options.js';

/** What a decorator asks for. */
export interface RoutingMetadata {
  readonly target: 'primary' | 'replica';
  /** Empty with target `primary`. */
  readonly options: ReadOptions;
  /** The data source that is meant; `undefined`: all. */
  readonly dataSource: string | undefined;
}

/** A global symbol, so that several copies of this package share it. */
export const ROUTING_METADATA: unique symbol = Symbol.for('nestjs-replica:routing');

/** The metadata of a handler for a data source, or else that of its class. */
export function metadataFor(
  handler: object,
  type: object | undefined,
  dataSource: string,
): RoutingMetadata | undefined {
  return pick(metadataOn(handler), dataSource) ?? metadataOfClass(type, dataSource);
}

/** The metadata of a class for a data source, or else that of the class that it extends. */
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

/** All metadata of a class and of those that it extends. */
export function metadataOfClasses(type: unknown): readonly RoutingMetadata[] {
  const metadata: RoutingMetadata[] = [];
  for (let next = type; typeof next === 'function'; next = Object.getPrototypeOf(next)) {
    metadata.push(...(metadataOn(next) ?? []));
  }
  return metadata;
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

/** All metadata of this very method or class, the topmost decorator first. */
export function metadataOn(target: object): readonly RoutingMetadata[] | undefined {
  return Reflect.getOwnMetadata(ROUTING_METADATA, target) as readonly RoutingMetadata[] | undefined;
}

/** Metadata for this data source goes before metadata for all. */
export function pick(
  metadata: readonly RoutingMetadata[] | undefined,
  name: string,
): RoutingMetadata | undefined {
  return (
    metadata?.find(({ dataSource }) => dataSource === name) ??
    metadata?.find(({ dataSource }) => dataSource === undefined)
  );
}
