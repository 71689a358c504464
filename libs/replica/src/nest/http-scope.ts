import type { ExecutionContext } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import type { Scope } from '../context/context-storage.js';
import type { RequestContext } from '../context/request-context.js';
import type { Intent } from '../routing/route-query.js';
import { isSafeMethod } from '../routing/safe-method.js';

/** What an {@link HttpScope} leaves to whoever made it. */
export interface HttpScopeOwner {
  /** The new request of a scope. */
  create(scope: HttpScope): RequestContext;
  /** Ties the new request of a scope to its response and its session. */
  bind(scope: HttpScope, request: RequestContext): void;
  /** The handler has begun, so it is known whose session it is. Throws if the user's function throws. */
  conclude(request: RequestContext, context: ExecutionContext): void;
  /** The intent of a request before its handler begins. */
  defaultIntent(isSafeMethod: boolean): Intent;
  /** The intent that the handler or its class asks for by a decorator, or else the given one. */
  intentFor(context: ExecutionContext, otherwise: Intent): Intent;
}

/**
 * The scope of an HTTP request, from its middleware on. Its intent is the default one until the handler begins, and the handler's
 * from then on.
 *
 * A request that touches no database pays for this object alone. Its `RequestContext`, session and hold on the response are made
 * when somebody asks for them, which nearly always is the first statement.
 */
export class HttpScope implements Scope {
  readonly #owner: HttpScopeOwner;
  readonly #http: readonly [request: unknown, response: unknown];
  #request: RequestContext | undefined;
  /** Set if the user's function threw when the handler began: nobody can tell whose session it is. */
  #failure: { readonly error: unknown } | undefined;
  #context: ExecutionContext | undefined;
  #isHandled = false;
  #intent: Intent | undefined;

  /** @param http what the platform's middleware gets */
  constructor(owner: HttpScopeOwner, http: readonly [request: unknown, response: unknown]) {
    this.#owner = owner;
    this.#http = http;
  }

  /** Throws if the user's function threw when the handler began: then the request must not write. */
  get request(): RequestContext {
    if (this.#failure !== undefined) throw this.#failure.error;
    return this.#request ?? this.#open();
  }

  get intent(): Intent {
    return (this.#intent ??= this.#findIntent());
  }

  get response(): unknown {
    return this.#http[1];
  }

  get isSafeMethod(): boolean {
    const [request] = this.#http;
    return isSafeMethod((request as { readonly method?: string } | undefined)?.method ?? '');
  }

  /** What is known of the request by now. */
  get context(): ExecutionContext {
    return (this.#context ??= new ExecutionContextHost([...this.#http]));
  }

  /** A guard runs. The handler is known, but perhaps not yet whose session it is. */
  guardRuns(context: ExecutionContext): void {
    if (!this.#isHandled) this.#context = context;
  }

  /** The handler begins. Throws if the user's function throws. */
  handlerBegins(context: ExecutionContext): void {
    this.#context = context;
    this.#isHandled = true;
    this.#intent = undefined;
    if (this.#request !== undefined) this.#conclude(this.#request, context);
  }

  #open(): RequestContext {
    const request = this.#owner.create(this);
    this.#owner.bind(this, request);
    this.#request = request;
    if (this.#isHandled) this.#conclude(request, this.context);
    return request;
  }

  #conclude(request: RequestContext, context: ExecutionContext): void {
    try {
      this.#failure = undefined;
      this.#owner.conclude(request, context);
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }

  #findIntent(): Intent {
    const otherwise = this.#owner.defaultIntent(this.isSafeMethod);
    return this.#isHandled ? this.#owner.intentFor(this.context, otherwise) : otherwise;
  }
}
