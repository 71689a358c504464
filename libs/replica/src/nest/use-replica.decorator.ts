import { checkReadOptions, type ReadOptions } from '../engine/read-options.js';
import { routingDecorator } from './routing-decorator.js';
import { splitOptions } from './routing-metadata.js';

/** Options of {@link UseReplica}. */
export interface UseReplicaOptions extends ReadOptions {
  /** The name of the data source that is meant. Default: every replicated data source of the application. */
  readonly dataSource?: string;
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
 * The same on methods of providers (services, `@Cron` jobs, CQRS handlers, queue processors), where it also opens a
 * context if there is none around the call. A class's decorator then counts for calls from outside the object.
 *
 * Certain replicas are asked for by `replica`, `tags` or `region`, of a list the first before the next; where none of them
 * may serve, the `fallback` holds. What a session wrote and saw holds there, too: consistency `bounded` or `eventual` is what
 * reports mostly want.
 *
 * ```ts
 * @UseReplica({ replica: 'analytics', consistency: 'eventual' })
 * ```
 *
 * Throws an `InvalidReplicaOptionsError` at once when an option is wrong, and at the start of the application when there is
 * no replica of that name.
 */
export function UseReplica(options: UseReplicaOptions = {}): MethodDecorator & ClassDecorator {
  const { dataSource, options: readOptions } = splitOptions(options, '@UseReplica()');
  checkReadOptions(readOptions, '@UseReplica()');
  return routingDecorator({ target: 'replica', options: readOptions, dataSource });
}
