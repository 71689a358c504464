import { checkTokenOptions, type TokenOptions } from '../engine/read-options.js';
import { DEFAULT_NAME } from './module-tokens.js';
import { splitOptions } from './routing-metadata.js';
import { noteDecorated, scoped } from './scoped-method.js';

/** Options of {@link WithToken}. */
export interface WithTokenOptions extends TokenOptions {
  /** The name of the data source whose token it is. Default `default`. */
  readonly dataSource?: string;
}

/**
 * The method runs in a context of its own whose reads include everything a token covers. The sender of the job, message or
 * event got the token by `currentToken()`. `tokenOf` finds it in the method's arguments.
 *
 * ```ts
 * @WithToken((job: Job) => job.data.replicaToken, { onLag: 'retry' })
 * async process(job: Job) {}
 * ```
 *
 * For methods of providers and controllers that return a promise. Throws an `InvalidReplicaOptionsError` at once if an
 * option is wrong.
 */
export function WithToken(
  // oxlint-disable-next-line typescript/no-explicit-any -- the arguments of whatever method it stands on
  tokenOf: (...args: any[]) => string | undefined,
  options: WithTokenOptions = {},
): MethodDecorator {
  if (typeof tokenOf !== 'function') {
    throw new TypeError('@WithToken() needs a function that finds the token in the arguments');
  }
  const { dataSource = DEFAULT_NAME, options: tokenOptions } = splitOptions(options, '@WithToken()');
  checkTokenOptions(tokenOptions, '@WithToken()');
  return (target: object, key: string | symbol, descriptor: PropertyDescriptor) => {
    if (typeof descriptor.value !== 'function' || typeof target === 'function') {
      throw new TypeError('@WithToken() belongs on methods of objects');
    }
    descriptor.value = scoped(descriptor.value as () => unknown, (scope, call, _self, args) =>
      scope.dataSource === dataSource ? scope.withToken(call, () => tokenOf(...args), tokenOptions) : call(),
    );
    noteDecorated(target, key, dataSource);
  };
}
