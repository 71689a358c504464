import {
  Inject,
  type InjectionToken,
  type MiddlewareConsumer,
  type NestModule,
  type OnApplicationShutdown,
  type OnModuleInit,
  type Provider,
} from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import type { ReplicaRouter } from '../engine/replica-router.js';
import { ContextMiddleware } from './context.middleware.js';
import { MethodMarker } from './method-marker.js';
import type { ReplicaModuleSettings } from './module-settings.js';
import { DEFAULT_NAME, getRouterSymbol, MODULE_SETTINGS } from './module-tokens.js';
import { needsInterceptor } from './needs-interceptor.js';
import { RequestOpener } from './request-opener.js';
import { RoutingInterceptor } from './routing.interceptor.js';
import { StickyPrimaryGuard } from './sticky-primary.guard.js';

/** An application that serves no HTTP has no adapter. */
type PossibleAdapterHost = Partial<Pick<HttpAdapterHost, 'httpAdapter'>>;

/** A Fastify server, as far as it matters here. */
interface HookedServer {
  addHook(name: 'preHandler', hook: (request: object, reply: unknown, done: () => void) => void): void;
}

/** A module that gives requests their context, session and intent: for a data source or for a pool. */
export abstract class RoutingModule implements NestModule, OnModuleInit, OnApplicationShutdown {
  readonly #settings: ReplicaModuleSettings;
  readonly #opener: RequestOpener;
  readonly #adapterHost: PossibleAdapterHost;
  readonly #methods: MethodMarker;

  /** @internal Nest makes it. */
  constructor(
    @Inject(MODULE_SETTINGS) settings: ReplicaModuleSettings,
    @Inject(ModulesContainer) modules: ModulesContainer,
    @Inject(RequestOpener) opener: RequestOpener,
    @Inject(HttpAdapterHost) adapterHost: PossibleAdapterHost,
  ) {
    this.#settings = settings;
    this.#opener = opener;
    this.#adapterHost = adapterHost;
    this.#methods = new MethodMarker(modules, opener);
    this.#methods.coverClasses();
  }

  configure(consumer: MiddlewareConsumer): void {
    const { forRoutes = ['{*path}'], exclude = [] } = this.#settings;
    consumer
      .apply(ContextMiddleware)
      .exclude(...exclude)
      .forRoutes(...forRoutes);
    this.#reenterAfterParsing();
  }

  /** Fastify parses bodies after the middleware, in the context of the connection. */
  #reenterAfterParsing(): void {
    const { httpAdapter } = this.#adapterHost;
    if (httpAdapter?.getType() !== 'fastify') return;
    const fastify = httpAdapter.getInstance<HookedServer>();
    fastify.addHook('preHandler', (request, _, done) => this.#opener.reenter(request, done));
  }

  onModuleInit(): void {
    this.#methods.markAll();
  }

  onApplicationShutdown(): void | Promise<void> {
    this.#methods.unmarkAll();
  }
}

/** Where a {@link RoutingModule} finds its parts. */
interface RoutingTokens {
  readonly router: InjectionToken;
  /** Leads to what has `setHeaders`. */
  readonly options: InjectionToken;
}

/** Tells whether requests need the interceptor. */
const NEEDS_INTERCEPTOR = Symbol('nestjs-replica:needs-interceptor');

/** The providers of a {@link RoutingModule} beside its router and options. Nest skips a guard or interceptor that a factory does not give. */
export function routingProviders(
  settings: ReplicaModuleSettings,
  { router, options }: RoutingTokens,
): Provider[] {
  const { name = DEFAULT_NAME, forRoutes, exclude } = settings;
  const isLimitedToRoutes = forRoutes !== undefined || exclude !== undefined;
  return [
    { provide: MODULE_SETTINGS, useValue: settings },
    { provide: getRouterSymbol(name), useExisting: router },
    {
      provide: RequestOpener,
      inject: [router, options],
      useFactory: (found: ReplicaRouter, { setHeaders }: { readonly setHeaders: boolean }) =>
        new RequestOpener({ router: found, name, setHeaders, isLimitedToRoutes }),
    },
    {
      provide: NEEDS_INTERCEPTOR,
      inject: [RequestOpener, ModulesContainer],
      useFactory: (opener: RequestOpener, modules: ModulesContainer) =>
        needsInterceptor(opener, { modules, isOurs }),
    },
    {
      provide: APP_INTERCEPTOR,
      inject: [RequestOpener, NEEDS_INTERCEPTOR],
      useFactory: (opener: RequestOpener, isNeeded: boolean) =>
        isNeeded ? new RoutingInterceptor(opener) : undefined,
    },
    {
      provide: APP_GUARD,
      inject: [RequestOpener, NEEDS_INTERCEPTOR],
      useFactory: (opener: RequestOpener, hasInterceptor: boolean) =>
        hasInterceptor && !opener.mayNeedHandler
          ? undefined
          : new StickyPrimaryGuard(opener, !hasInterceptor),
    },
  ];
}

function isOurs({ metatype }: { readonly metatype: { readonly prototype: unknown } }): boolean {
  return metatype.prototype instanceof RoutingModule;
}
