import type { ExecutionContext } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import type { Scope } from '../context/context-storage.js';
import type { RequestContext } from '../context/request-context.js';
import type { Engine } from '../engine/engine.js';
import { intentOf } from '../engine/read-options.js';
import { engineOf, type DataSourceRouter } from '../typeorm/data-source-router.js';
import { bindResponse } from './bind-response.js';
import type { RawResponse } from './held-answer.js';
import { SessionOpener } from './session-opener.js';
import { SessionWatch } from './session-watch.js';
import { metadataFor } from './routing-metadata.js';

/** What a {@link RequestOpener} works with. */
export interface RequestOpenerOptions {
  readonly router: DataSourceRouter;
  /** The data source's name. It stands in headers and keys, unless it is the default one. */
  readonly name: string;
  readonly setHeaders: boolean;
  /** `forRoutes` or `exclude` are set, so an HTTP request that met no middleware gets no context. */
  readonly isLimitedToRoutes: boolean;
}

/** HTTP methods that promise not to write: RFC 9110, section 9.2.1. */
const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];

/** Opens the context of a request and ties it to its session and its response. */
export class RequestOpener {
  readonly router: DataSourceRouter;
  /** The data source's name. */
  readonly name: string;
  readonly #engine: Engine;
  readonly #options: RequestOpenerOptions;
  readonly sessions: SessionOpener;
  readonly #prefix: string;
  readonly #watch: SessionWatch;
  /**
   * Scopes by Node's request. Whatever runs between middleware and guards, such as Fastify's body parser, may lose
   * the context.
   */
  readonly #opened = new WeakMap<object, Scope>();

  constructor(options: RequestOpenerOptions) {
    this.router = options.router;
    this.name = options.name;
    this.#engine = engineOf(options.router);
    this.#options = options;
    this.#prefix = options.name === 'default' ? '' : `${options.name}:`;
    this.sessions = new SessionOpener(this.#engine, this.#prefix);
    this.#watch = new SessionWatch(this.#engine);
  }

  /** The engine that requests are opened in. */
  get engine(): Engine {
    return this.#engine;
  }

  /** Opens the context of an HTTP request, as early as middleware runs. */
  openHttp(request: unknown, response: unknown): Scope {
    const host = new ExecutionContextHost([request, response]);
    const context = this.#open(host);
    const raw = rawResponse(response);
    if (raw !== undefined) {
      bindResponse(raw, context, {
        namePrefix: this.#options.setHeaders ? this.#prefix : undefined,
        onEnd: () => this.#watch.ended(context),
        beforeHeaders: (sending) =>
          this.sessions.beforeHeaders(context, host, {
            sending,
            response: raw,
            isSafeMethod: isSafe(request),
          }),
      });
    }
    const scope = {
      request: context,
      intent: intentOf('default', {}, this.#engine.options, isSafe(request)),
    };
    this.#opened.set(rawRequest(request), scope);
    return scope;
  }

  /** The scope around the caller, or the one that was opened earlier for its HTTP request. */
  opened(context: ExecutionContext): Scope | undefined {
    const scope = this.#engine.contexts.current();
    if (scope !== undefined || context.getType() !== 'http') return scope;
    return this.#opened.get(rawRequest(context.switchToHttp().getRequest()));
  }

  /** Opens a context for what a guard or interceptor sees and no middleware saw. `undefined`: it gets no context. */
  open(context: ExecutionContext): Scope | undefined {
    if (context.getType() === 'http') {
      if (this.#options.isLimitedToRoutes) return undefined;
      const http = context.switchToHttp();
      return this.openHttp(http.getRequest(), http.getResponse());
    }
    return { request: this.#open(context), intent: intentOf('default', {}, this.#engine.options) };
  }

  /** The intent that the handler or its class asks for by a decorator, or else the intent of the scope. */
  intentFor(context: ExecutionContext, { intent }: Scope): Scope['intent'] {
    const safeMethod = isSafeOperation(context) ?? intent.safeMethod;
    const metadata = metadataFor(context.getHandler(), context.getClass(), this.name);
    return metadata === undefined
      ? { ...intent, safeMethod }
      : intentOf(metadata.target, metadata.options, this.#engine.options, safeMethod);
  }

  #open(context: ExecutionContext): RequestContext {
    const request = this.#engine.createRequest();
    this.sessions.attach(request, context);
    return request;
  }
}

/** A GraphQL query promises not to write, whatever its HTTP method. `undefined`: it is no GraphQL. */
function isSafeOperation(context: ExecutionContext): boolean | undefined {
  if (context.getType<string>() !== 'graphql') return undefined;
  const info = context.getArgs<unknown[]>().at(-1) as
    { readonly operation?: { readonly operation?: string } } | undefined;
  const operation = info?.operation?.operation;
  return operation === undefined ? undefined : operation !== 'mutation';
}

function isSafe(request: unknown): boolean {
  return SAFE_METHODS.includes((request as { readonly method?: string } | undefined)?.method ?? '');
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
