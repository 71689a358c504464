import { Logger, type ExecutionContext } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import type { Scope } from '../context/context-storage.js';
import type { RequestContext } from '../context/request-context.js';
import { SessionHandle } from '../context/session-handle.js';
import type { SessionKey } from '../options/replica-options.js';
import type { SessionStore } from '../session/session-store.js';
import type { DataSourceRouter } from '../typeorm/data-source-router.js';
import { intentOf } from '../typeorm/read-options.js';
import { bindResponse, type RawResponse } from './bind-response.js';

/** What a {@link RequestOpener} works with. */
export interface RequestOpenerOptions {
  readonly router: DataSourceRouter;
  /** The data source's name; stands in headers and keys unless it is the default one. */
  readonly name: string;
  readonly setHeaders: boolean;
  readonly store: SessionStore;
  /** `forRoutes` or `exclude` were given: an HTTP request without the middleware is to have no context. */
  readonly isLimitedToRoutes: boolean;
}

interface RawRequest {
  readonly method?: string;
}

/** HTTP methods that promise not to write: RFC 9110, section 9.2.1. */
const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];

/** Opens the context of a request and ties it to its session and its response. */
export class RequestOpener {
  readonly router: DataSourceRouter;
  readonly #options: RequestOpenerOptions;
  readonly #logger = new Logger('ReplicaModule');
  readonly #prefix: string;
  /** By Node's request: what lies between middleware and guards, such as Fastify's body parser, may lose the context. */
  readonly #opened = new WeakMap<object, Scope>();
  #isStoreFailing = false;

  constructor(options: RequestOpenerOptions) {
    this.router = options.router;
    this.#options = options;
    this.#prefix = options.name === 'default' ? '' : `${options.name}:`;
  }

  /** For an HTTP request, as early as middleware runs. */
  openHttp(request: unknown, response: unknown): Scope {
    const context = this.#open(new ExecutionContextHost([request, response]));
    const raw = rawResponse(response);
    if (raw !== undefined) {
      bindResponse(raw, context, this.#options.setHeaders ? { prefix: this.#prefix } : undefined);
    }
    const scope = { request: context, intent: this.intent('default', {}, isSafe(request)) };
    this.#opened.set(rawRequest(request), scope);
    return scope;
  }

  /** What surrounds the caller, or was opened for its HTTP request before. */
  opened(context: ExecutionContext): Scope | undefined {
    const scope = this.router.contexts.current();
    if (scope !== undefined || context.getType() !== 'http') return scope;
    return this.#opened.get(rawRequest(context.switchToHttp().getRequest()));
  }

  /** For what a guard or interceptor sees and no middleware did; `undefined`: it is to have no context. */
  open(context: ExecutionContext): Scope | undefined {
    if (context.getType() === 'http') {
      if (this.#options.isLimitedToRoutes) return undefined;
      const http = context.switchToHttp();
      return this.openHttp(http.getRequest(), http.getResponse());
    }
    return { request: this.#open(context), intent: this.intent('default', {}, true) };
  }

  /** Guards have run, or run now: the key may be found in the real execution context. */
  attachSession(request: RequestContext, context: ExecutionContext, isHandlerNext: boolean): void {
    const { session } = request;
    if (session === undefined) return;
    const resolveKey = (): string | null | undefined => this.#resolveKey(context);
    if (isHandlerNext) session.conclude(resolveKey);
    else session.begin(resolveKey);
  }

  /** As the module's options complete it. */
  intent(
    ...[target, options, isSafeMethod]: [Scope['intent']['target'], Parameters<typeof intentOf>[1], boolean]
  ): Scope['intent'] {
    return intentOf(target, options, this.router.options, isSafeMethod);
  }

  #open(context: ExecutionContext): RequestContext {
    const request = this.router.createRequest();
    const { session } = this.router.options;
    if (session.key === undefined || !this.router.hasReplicas) return request;
    const handle = new SessionHandle({
      store: this.#options.store,
      ttlMs: session.ttlMs,
      resolveKey: () => this.#resolveKey(context),
      onStoreError: (error, doing) => this.#storeFailed(error, doing),
    });
    request.attach(handle);
    handle.begin();
    return request;
  }

  #resolveKey(context: ExecutionContext): string | null | undefined {
    const resolve = this.router.options.session.key as SessionKey<ExecutionContext>;
    const key = resolve(context);
    return typeof key === 'string' && key !== '' ? this.#prefix + key : key;
  }

  /** Said once per outage, not once per request. */
  #storeFailed(error: unknown, doing: 'load' | 'save'): void {
    if (this.#isStoreFailing) return;
    this.#isStoreFailing = true;
    this.#logger.error(
      `the session store failed to ${doing}; reads of its sessions go to the primary: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function isSafe(request: unknown): boolean {
  return SAFE_METHODS.includes((request as RawRequest | undefined)?.method ?? '');
}

/** Node's own request, below that of Express or Fastify. */
function rawRequest(request: unknown): object {
  const { raw } = request as { raw?: object };
  return raw ?? (request as object);
}

/** Node's own response, below that of Express or Fastify. */
function rawResponse(response: unknown): RawResponse | undefined {
  const { raw } = (response ?? {}) as { raw?: unknown };
  const candidate = raw ?? response;
  const isRaw =
    typeof candidate === 'object' && candidate !== null && 'writeHead' in candidate && 'end' in candidate;
  return isRaw ? (candidate as RawResponse) : undefined;
}
