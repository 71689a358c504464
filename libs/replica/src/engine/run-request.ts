import type { RequestContext } from '../context/request-context.js';
import { SessionHandle, type SessionHandleOptions } from '../context/session-handle.js';
import { checkObject, text, unchecked, type TableOf } from '../options/option.js';
import { OptionProblems } from '../options/option-problems.js';
import { isSafeMethod } from '../routing/safe-method.js';
import { checkedKey } from '../session/session-key.js';
import type { Engine } from './engine.js';
import { intentOf } from './read-options.js';

/** Finds the key of a request's session; see {@link RequestOptions.sessionKey}. */
type FindKey = () => string | null | undefined;

/** What `runRequest()` is told of a request, job or message. */
export interface RequestOptions {
  /**
   * The HTTP method. Reads go to the primary unless it promises not to write (GET, HEAD, OPTIONS); `runOnReplica()` lets them leave all the same.
   * Default: reads may leave the primary.
   */
  readonly method?: string | undefined;
  /**
   * The key of the client's session, such as the id of its cookie or its user: all requests of one key see what the others wrote. A function
   * is asked again until it gives a key or `null`, and before the session is saved: `undefined` means that the key is not known yet, and reads
   * go to the primary until it is. Default, and with `null`: there is no session.
   */
  readonly sessionKey?: string | null | undefined | FindKey;
}

const OPTIONS = {
  method: text({}),
  // A key is checked as the keys of the options are.
  sessionKey: unchecked('text, function'),
} satisfies TableOf<RequestOptions>;

/** Runs what Nest knows nothing of as requests of an engine. */
export class RequestRunner {
  readonly #engine: Engine;
  #handleOptions: SessionHandleOptions | undefined;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** See `ReplicaRouter.runRequest()`. */
  async run<T>(options: RequestOptions, fn: () => T | PromiseLike<T>): Promise<T> {
    checkRequest(options);
    const { method, sessionKey } = options;
    const engine = this.#engine;
    const { request: outer, durability } = engine.contexts.surrounding() ?? {};
    const request = engine.createRequest();
    this.#attach(request, typeof sessionKey === 'function' ? sessionKey : () => sessionKey ?? null);
    const isSafe = method === undefined || isSafeMethod(method.toUpperCase());
    try {
      const intent = intentOf('default', {}, engine.options, isSafe);
      return await engine.contexts.runToStart({ request, intent, durability }, fn);
    } finally {
      await request.settle();
      request.end();
      if (outer !== undefined) outer.includeWritesOf(request);
    }
  }

  #attach(request: RequestContext, findKey: FindKey): void {
    const { hasReplicas } = this.#engine;
    const open = (): SessionHandle => new SessionHandle(this.#sessions, findKey);
    if (hasReplicas) request.attach(open());
    // The first replicas may be added while the request runs. What it writes from then on must be saved.
    else request.attachLater(() => (this.#engine.hasReplicas ? open() : undefined));
  }

  get #sessions(): SessionHandleOptions {
    return (this.#handleOptions ??= this.#engine
      .keyedSessions()
      .handleOptions((findKey) => checkedKey('runRequest({ sessionKey })', (findKey as FindKey)())));
  }
}

/** Throws an `InvalidReplicaOptionsError` that lists all mistakes, or an `InvalidSessionKeyError`. */
function checkRequest(options: RequestOptions): void {
  const problems = new OptionProblems();
  checkObject(problems, '', options, OPTIONS);
  problems.throwIfAny('runRequest(): ');
  if (typeof options.sessionKey !== 'function') checkedKey('runRequest({ sessionKey })', options.sessionKey);
}
