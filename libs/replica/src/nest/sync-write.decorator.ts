import { resolveSyncWrite, type SyncWriteRule } from '../engine/visibility-options.js';
import { SYNC_WRITES } from './decorator-kinds.js';
import { splitOptions } from './routing-metadata.js';

/** Options of {@link SyncWrite}. */
export interface SyncWriteOptions extends SyncWriteRule {
  /** The name of the data source. Default: every replicated data source of the application. */
  readonly dataSource?: string;
}

/**
 * The answer of this handler, or of every handler of this class, leaves when replicas show what the handler has written: then
 * everybody sees it, not only the session that wrote. A handler that has written nothing waits for nothing. Errors wait, too,
 * because something may have been written before. A handler's own decorator goes before its class's.
 *
 * ```ts
 * @SyncWrite({ visibleOn: 'all', timeoutMs: 2000, onTimeout: 'continue' })
 * @Post('prices')
 * publish() {}
 * ```
 *
 * It works on methods of providers that return a promise or an observable, too. A method inside somebody else's transaction has
 * committed nothing, so it waits for nothing.
 *
 * Throws an `InvalidReplicaOptionsError` at once if an option is wrong, and when the application starts if there are fewer
 * replicas than `visibleOn`.
 */
export function SyncWrite(options: SyncWriteOptions = {}): MethodDecorator & ClassDecorator {
  const { dataSource, options: rule } = splitOptions(options, '@SyncWrite()');
  return SYNC_WRITES.decorator({ rule: resolveSyncWrite(rule), dataSource });
}
