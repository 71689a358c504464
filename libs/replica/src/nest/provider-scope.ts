import { isPromise } from 'node:util/types';
import { defer, isObservable, Observable } from 'rxjs';
import type { Scope } from '../context/context-storage.js';
import type { RequestContext } from '../context/request-context.js';
import type { Engine } from '../engine/engine.js';
import { intentOf, type TokenOptions } from '../engine/read-options.js';
import { Visibility } from '../engine/visibility.js';
import { VisibilityGate } from '../engine/visibility-gate.js';
import { engineOf, type ReplicaRouter } from '../engine/replica-router.js';
import { ROUTING, SYNC_WRITES } from './decorator-kinds.js';
import type { RoutingMetadata, SyncWriteMetadata } from './routing-metadata.js';
import type { MethodScope } from './scoped-method.js';
import { passBeforeEach, settleBeforeEach } from './settle-before-each.js';

/** Runs the decorated methods of providers in the request around the call, or otherwise in a request of their own. */
export class ProviderScope implements MethodScope {
  readonly dataSource: string;
  readonly #router: ReplicaRouter;
  readonly #engine: Engine;

  constructor(router: ReplicaRouter, dataSource: string) {
    this.#router = router;
    this.#engine = engineOf(router);
    this.dataSource = dataSource;
  }

  routed(
    call: () => unknown,
    self: object,
    metadataFor: (dataSource: string) => RoutingMetadata | undefined,
  ): unknown {
    const metadata = metadataFor(this.dataSource);
    if (metadata === undefined) return call();
    const { contexts, options } = this.#engine;
    const outer = contexts.current();
    const intent = intentOf(metadata.target, metadata.options, options, outer?.intent.safeMethod);
    return outer === undefined
      ? this.#inOwnRequest(call, (request) => ({ request, intent, inside: self }))
      : this.#inside({ request: outer.request, intent, inside: self, durability: outer.durability }, call);
  }

  routedByClass(call: () => unknown, self: object): unknown {
    if (this.#engine.contexts.current()?.inside === self) return call();
    return this.routed(call, self, (dataSource) => ROUTING.ofClass(self.constructor, dataSource));
  }

  synced(
    call: () => unknown,
    self: object,
    metadataFor: (dataSource: string) => SyncWriteMetadata | undefined,
  ): unknown {
    const rule = metadataFor(this.dataSource)?.rule;
    if (rule === undefined) return call();
    const { contexts, options } = this.#engine;
    const visibility = new Visibility(this.#engine);
    const gateOf = (request: RequestContext): VisibilityGate => new VisibilityGate(visibility, request, rule);
    const inRequest = (request: RequestContext): unknown =>
      // Each subscription may have a request of its own.
      passed(call, () => gateOf(contexts.current()?.request ?? request));
    const outer = contexts.current();
    if (outer !== undefined) return inRequest(outer.request);
    // As outside any request, everything goes to the primary.
    const intent = intentOf('primary', { consistency: 'strong' }, options);
    return this.#inOwnRequest(inRequest, (request) => ({ request, intent }));
  }

  syncedByClass(call: () => unknown, self: object): unknown {
    return this.synced(call, self, (dataSource) => SYNC_WRITES.ofClass(self.constructor, dataSource));
  }

  async withToken(
    call: () => unknown,
    findToken: () => string | undefined,
    options: TokenOptions,
  ): Promise<unknown> {
    return this.#router.runWithToken(findToken(), call, options);
  }

  #inside(scope: Scope, call: () => unknown): unknown {
    const { contexts } = this.#engine;
    const result = contexts.runToStart(scope, call);
    if (!isCold(result)) return result;
    return new Observable((subscriber) => contexts.run(scope, () => result.subscribe(subscriber)));
  }

  #inOwnRequest(
    call: (request: RequestContext) => unknown,
    scopeFor: (request: RequestContext) => Scope,
  ): unknown {
    const { contexts } = this.#engine;
    const request = this.#engine.continueRequest();
    let endsLater = false;
    try {
      const result = contexts.runToStart(scopeFor(request), () => call(request));
      if (isPromise(result)) {
        endsLater = true;
        return settled(result, request);
      }
      return isCold(result) ? this.#eachInOwnRequest(result, scopeFor) : result;
    } finally {
      if (!endsLater) request.end();
    }
  }

  /** A cold observable starts again with each subscription. */
  #eachInOwnRequest(
    source: Observable<unknown>,
    scopeFor: (request: RequestContext) => Scope,
  ): Observable<unknown> {
    return new Observable((subscriber) => {
      const request = this.#engine.continueRequest();
      return this.#engine.contexts.run(scopeFor(request), () =>
        settleBeforeEach(source, request, true).subscribe(subscriber),
      );
    });
  }
}

/**
 * The scope of controllers. The interceptor opens and ends the request of a handler; only tokens are handled
 * here.
 */
export class ControllerScope extends ProviderScope {
  override routed(call: () => unknown): unknown {
    return call();
  }

  override routedByClass(call: () => unknown): unknown {
    return call();
  }

  override synced(call: () => unknown): unknown {
    return call();
  }

  override syncedByClass(call: () => unknown): unknown {
    return call();
  }
}

/** Makes the call. What it promises passes the gate first, and so does an error. */
function passed(call: () => unknown, gateNow: () => VisibilityGate): unknown {
  const gate = gateNow();
  const result = call();
  if (isCold(result)) return defer(() => passBeforeEach(result, gateNow()));
  return isPromise(result) ? passedResult(result, gate) : result;
}

async function passedResult(result: Promise<unknown>, gate: VisibilityGate): Promise<unknown> {
  try {
    await result;
  } catch {
    // The error of the method itself tells more.
    await gate.pass().catch(() => undefined);
    return result;
  }
  await gate.pass();
  return result;
}

async function settled(result: Promise<unknown>, request: RequestContext): Promise<unknown> {
  try {
    return await result;
  } finally {
    // Also without a session, because the caller may pass on what was written.
    await request.writesCaptured();
    await request.settle();
    request.end();
  }
}

/** A cold observable runs when somebody subscribes. A subject does not. */
function isCold(result: unknown): result is Observable<unknown> {
  return isObservable(result) && !('next' in result);
}
