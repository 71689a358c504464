import 'reflect-metadata';
import { SetMetadata } from '@nestjs/common';
import { checkReadOptions, type ReadOptions } from '../typeorm/read-options.js';

/** What a decorator asked for; `undefined` options with target `primary`. */
export interface RoutingMetadata {
  readonly target: 'primary' | 'replica';
  readonly options: ReadOptions;
}

/** Under `Symbol.for`: one key, however often the package is installed. */
export const ROUTING_METADATA: unique symbol = Symbol.for('nestjs-replica:routing');

/** What a handler asks for, or else its class. */
export function askedOf(handler: object, type: object | undefined): RoutingMetadata | undefined {
  const own = Reflect.getMetadata(ROUTING_METADATA, handler) as RoutingMetadata | undefined;
  return (
    own ??
    (type === undefined
      ? undefined
      : (Reflect.getMetadata(ROUTING_METADATA, type) as RoutingMetadata | undefined))
  );
}

/**
 * Reads of this handler, or of every handler of this class, may go to replicas, also under an unsafe HTTP method; a
 * handler's own decorator counts before its class's. Writes go to the primary as always.
 *
 * ```ts
 * @UseReplica({ consistency: 'bounded', maxStalenessMs: 5000 })
 * @Get('reports/sales')
 * sales() {}
 * ```
 *
 * Throws an `InvalidReplicaOptionsError` at once when an option is wrong.
 */
export function UseReplica(options: ReadOptions = {}): MethodDecorator & ClassDecorator {
  checkReadOptions(options, '@UseReplica()');
  return SetMetadata<symbol, RoutingMetadata>(ROUTING_METADATA, { target: 'replica', options });
}
