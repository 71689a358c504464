import { checkReadOptions, type ReadOptions } from '../engine/read-options.js';
import { ROUTING } from './decorator-kinds.js';
import { splitOptions } from './routing-metadata.js';

/** Options of {@link UseReplica}. */
export interface UseReplicaOptions extends ReadOptions {
  /** The name of the data source. Default: every replicated data source of the application. */
  readonly dataSource?: string;
}

/**
 * Reads of this handler, or of every handler of this class, may go to replicas, also under an unsafe HTTP method. Writes
 * go to the primary as always. A handler's own decorator goes before its class's.
 *
 * ```ts
 * @UseReplica({ consistency: 'bounded', maxStalenessMs: 5000 })
 * @Get('reports/sales')
 * sales() {}
 * ```
 *
 * It works on methods of providers, too (services, `@Cron` jobs, CQRS handlers, queue processors), and opens a context if
 * there is none around the call. On a class of providers it counts for calls from outside the object.
 *
 * Ask for certain replicas by `replica`, `tags` or `region`; of a list the first one goes before the next. If none of them
 * may serve, the `fallback` applies. What a session wrote and saw also holds for these reads, so reports mostly want
 * consistency `bounded` or `eventual`.
 *
 * ```ts
 * @UseReplica({ replica: 'analytics', consistency: 'eventual' })
 * ```
 *
 * Throws an `InvalidReplicaOptionsError` at once if an option is wrong, and when the application starts if there is no
 * replica of that name.
 */
export function UseReplica(options: UseReplicaOptions = {}): MethodDecorator & ClassDecorator {
  const { dataSource, options: readOptions } = splitOptions(options, '@UseReplica()');
  checkReadOptions(readOptions, '@UseReplica()');
  return ROUTING.decorator({ target: 'replica', options: readOptions, dataSource });
}

/** Options of {@link ForcePrimary}. */
export interface ForcePrimaryOptions {
  /** The name of the data source. Default: every replicated data source of the application. */
  readonly dataSource?: string;
}

/**
 * Everything that this handler, or every handler of this class, reads comes from the primary. Use it for results that
 * must not rest on data that is even a little old. A handler's own decorator goes before its class's.
 *
 * It works on methods of providers, too. Whatever they call may ask for something else by a decorator of its own.
 */
export function ForcePrimary(options: ForcePrimaryOptions = {}): MethodDecorator & ClassDecorator {
  const { dataSource, options: others } = splitOptions(options, '@ForcePrimary()');
  checkReadOptions(others, '@ForcePrimary()');
  return ROUTING.decorator({ target: 'primary', options: {}, dataSource });
}
