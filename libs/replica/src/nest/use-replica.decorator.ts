import { SetMetadata } from '@nestjs/common';
import { checkReadOptions, type ReadOptions } from '../typeorm/read-options.js';

/** What a decorator asked for; `undefined` options with target `primary`. */
export interface RoutingMetadata {
  readonly target: 'primary' | 'replica';
  readonly options: ReadOptions;
}

/** Under `Symbol.for`: one key, however often the package is installed. */
export const ROUTING_METADATA: unique symbol = Symbol.for('nestjs-replica:routing');

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
