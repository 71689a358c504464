import type { ExecutionContext } from '@nestjs/common';
import type { Scope } from '../context/context-storage.js';
import type { RequestContext } from '../context/request-context.js';
import { keyPrefixOf, type Engine } from '../engine/engine.js';
import { intentOf } from '../engine/read-options.js';
import { Visibility } from '../engine/visibility.js';
import { VisibilityGate } from '../engine/visibility-gate.js';
import type { Intent } from '../routing/route-query.js';
import { engineOf, type ReplicaRouter } from '../engine/replica-router.js';
import { bindResponse } from './bind-response.js';
import type { RawResponse } from './held-answer.js';
import { HttpScope, type HttpScopeOwner } from './http-scope.js';
import { mayNeedHandler } from './key-resolvers.js';
import { SafeLogger } from './loggers.js';
import { SessionOpener } from './session-opener.js';
import { SessionWatch } from './session-watch.js';
import { ROUTING, SYNC_WRITES } from './decorator-kinds.js';

/** What a {@link RequestOpener} works with. */
export interface RequestOpenerOptions {
  readonly router: ReplicaRouter;
  /** The data source's name. It stands in headers and keys, unless it is the default one. */
  readonly name: string;
  readonly setHeaders: boolean;
  /** `forRoutes` or `exclude` are set, so an HTTP request that met no middleware gets no context. */
  readonly isLimitedToRoutes: boolean;
}

/** Opens the context of a request and ties it to its session and its response. */
export class RequestOpener implements HttpScopeOwner {
  readonly router: ReplicaRouter;
  /** The data source's name. */
  readonly name: string;
  readonly #engine: Engine;
  readonly #options: RequestOpenerOptions;
  readonly sessions: SessionOpener;
  readonly #prefix: string;
  readonly #watch: SessionWatch;
  readonly #logger = new SafeLogger();
  /**
   * The property of Node's request that holds its scope. Whatever runs between middleware and guards, such as
   * Fastify's body parser, may lose the context.
   */
  readonly #scopeOf = Symbol('nestjs-replica:scope');
  readonly #safeIntent: Intent;
  readonly #unsafeIntent: Intent;
  /** Some handler of the application has a `@SyncWrite()`, or its class. Otherwise no request looks for one. */
  hasSyncWrites = false;

  constructor(options: RequestOpenerOptions) {
    this.router = options.router;
    this.name = options.name;
    this.#engine = engineOf(options.router);
    this.#options = options;
    this.#prefix = keyPrefixOf(options.name);
    this.sessions = new SessionOpener(this.#engine, this.#prefix);
    this.#watch = new SessionWatch(this.#engine);
    this.#safeIntent = intentOf('default', {}, this.#engine.options, true);
    this.#unsafeIntent = intentOf('default', {}, this.#engine.options, false);
  }

  /** The engine that requests are opened in. */
  get engine(): Engine {
    return this.#engine;
  }

  /** Whether a session is found by more than the HTTP request, such as what a guard has found out. */
  get mayNeedHandler(): boolean {
    return mayNeedHandler(this.#engine.options.session.key);
  }

  /** Opens the scope of an HTTP request, as early as middleware runs. */
  openHttp(request: unknown, response: unknown): Scope {
    const scope = new HttpScope(this, [request, response]);
    // A token that leaves before the first statement must know of writes that may follow, and so must a request inside another.
    if (this.sessions.areInTokens || this.#engine.contexts.surrounding() !== undefined) void scope.request;
    (rawOf(request) as ScopedRequest)[this.#scopeOf] = scope;
    return scope;
  }

  /** Calls `next` in the scope that was opened for the HTTP request, if one was. */
  reenter(request: object, next: () => void): void {
    const scope = (rawOf(request) as Partial<ScopedRequest>)[this.#scopeOf];
    if (scope === undefined) next();
    else this.#engine.contexts.run(scope, next);
  }

  /** The scope around the caller, or the one that was opened earlier for its HTTP request. */
  opened(context: ExecutionContext): Scope | undefined {
    return this.httpScopeOf(context) ?? this.#engine.contexts.current();
  }

  /** The scope of the very HTTP request that Nest tells of, if one was opened. */
  httpScopeOf(context: ExecutionContext): HttpScope | undefined {
    return (httpRequestOf(context) as ScopedRequest | undefined)?.[this.#scopeOf];
  }

  /** Opens a context for what a guard or interceptor sees and no middleware saw. `undefined`: it gets no context. */
  open(context: ExecutionContext): Scope | undefined {
    if (httpRequestOf(context) !== undefined) {
      if (this.#options.isLimitedToRoutes) return undefined;
      const [request, response] = context.getArgs<unknown[]>();
      return this.openHttp(request, response);
    }
    const request = this.#engine.createRequest();
    this.sessions.attach(request, () => context);
    return { request, intent: this.#safeIntent };
  }

  create(scope: HttpScope): RequestContext {
    return this.#engine.createRequest(scope);
  }

  bind(scope: HttpScope, request: RequestContext): void {
    this.sessions.attach(request, () => scope.context);
    const response = rawOf(scope.response);
    if (!isResponse(response)) return;
    bindResponse(response, request, {
      namePrefix: this.#options.setHeaders ? this.#prefix : undefined,
      onEnd: () => this.#watch.ended(request),
      beforeHeaders: (sending) =>
        this.sessions.beforeHeaders(request, scope.context, {
          sending,
          response,
          isSafeMethod: scope.isSafeMethod,
        }),
    });
  }

  /**
   * The handler of an HTTP request begins, and nothing runs it inside its scope again. If the scope is lost, its statements go to the
   * primary; the session does, too, for as long as after a write that nobody confirmed, since nobody will tell what they wrote.
   */
  begin(context: ExecutionContext, scope: HttpScope): void {
    scope.handlerBegins(context);
    if (this.#engine.contexts.surrounding() === scope) return;
    scope.request.lostWrite();
    this.#logger.errorNowAndThen(
      `something between the middleware of ReplicaModule and the guards loses the context of ${context.getClass().name}.` +
        `${context.getHandler().name}, so it runs on the primary: call its next() by AsyncResource.bind() (docs/transports.md)`,
    );
  }

  /** Keeps the answer of a handler with a `@SyncWrite()` back. Returns what keeps it; `undefined`: nothing does. */
  keepBack(context: ExecutionContext, scope: Scope): VisibilityGate | undefined {
    if (!this.hasSyncWrites) return undefined;
    const metadata = SYNC_WRITES.for(context.getHandler(), context.getClass(), this.name);
    if (metadata === undefined) return undefined;
    const gate = new VisibilityGate(new Visibility(this.#engine), scope.request, metadata.rule);
    scope.request.gate = gate;
    return gate;
  }

  conclude(request: RequestContext, context: ExecutionContext): void {
    this.sessions.conclude(request, context);
  }

  defaultIntent(isSafeMethod: boolean): Intent {
    return isSafeMethod ? this.#safeIntent : this.#unsafeIntent;
  }

  intentFor(context: ExecutionContext, otherwise: Intent): Intent {
    const safeMethod = isSafeOperation(context) ?? otherwise.safeMethod;
    const metadata = ROUTING.for(context.getHandler(), context.getClass(), this.name);
    if (metadata !== undefined)
      return intentOf(metadata.target, metadata.options, this.#engine.options, safeMethod);
    return safeMethod === otherwise.safeMethod ? otherwise : { ...otherwise, safeMethod };
  }
}

interface ScopedRequest {
  [scopeOf: symbol]: HttpScope | undefined;
}

/** A GraphQL query promises not to write, whatever its HTTP method. `undefined`: it is no GraphQL. */
function isSafeOperation(context: ExecutionContext): boolean | undefined {
  if (context.getType<string>() !== 'graphql') return undefined;
  const info = context.getArgs<unknown[]>().at(-1) as
    { readonly operation?: { readonly operation?: string } } | undefined;
  const operation = info?.operation?.operation;
  return operation === undefined ? undefined : operation !== 'mutation';
}

/**
 * Node's own HTTP request that Nest tells of. `undefined`: it tells of something else, even if it says `http`, which is the default for
 * whatever is called from outside.
 */
function httpRequestOf(context: ExecutionContext): object | undefined {
  if (context.getType() !== 'http') return undefined;
  const request = context.getArgByIndex<unknown>(0);
  if (typeof request !== 'object' || request === null) return undefined;
  const raw = rawOf(request);
  return 'headers' in raw ? raw : undefined;
}

/** Node's own request or response, below that of Express or Fastify. */
function rawOf(given: unknown): object {
  const { raw } = (given ?? {}) as { readonly raw?: object };
  return raw ?? (given as object);
}

function isResponse(raw: unknown): raw is RawResponse {
  return typeof raw === 'object' && raw !== null && 'writeHead' in raw && 'end' in raw;
}
