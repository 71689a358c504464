import { checkReadOptions } from '../engine/read-options.js';
import { routingDecorator } from './routing-decorator.js';
import { splitOptions } from './routing-metadata.js';

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
  return routingDecorator({ target: 'primary', options: {}, dataSource });
}
