import {
  Inject,
  type InjectionToken,
  type MiddlewareConsumer,
  type NestModule,
  type OnApplicationShutdown,
  type OnModuleInit,
  type Provider,
} from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR, ModulesContainer } from '@nestjs/core';
import type { ReplicaRouter } from '../engine/replica-router.js';
import { ContextMiddleware } from './context.middleware.js';
import { MethodMarker } from './method-marker.js';
import type { ReplicaModuleSettings } from './module-settings.js';
import { DEFAULT_NAME, getRouterSymbol, MODULE_SETTINGS } from './module-tokens.js';
import { RequestOpener } from './request-opener.js';
import { RoutingInterceptor } from './routing.interceptor.js';
import { StickyPrimaryGuard } from './sticky-primary.guard.js';

/** A module that gives requests their context, session and intent: for a data source or for a pool. */
export abstract class RoutingModule implements NestModule, OnModuleInit, OnApplicationShutdown {
  readonly #settings: ReplicaModuleSettings;
  readonly #methods: MethodMarker;

  /** @internal Nest makes it. */
  constructor(
    @Inject(MODULE_SETTINGS) settings: ReplicaModuleSettings,
    @Inject(ModulesContainer) modules: ModulesContainer,
    @Inject(RequestOpener) opener: RequestOpener,
  ) {
    this.#settings = settings;
    this.#methods = new MethodMarker(modules, opener);
    this.#methods.coverClasses();
  }

  configure(consumer: MiddlewareConsumer): void {
    const { forRoutes = ['{*path}'], exclude = [] } = this.#settings;
    consumer
      .apply(ContextMiddleware)
      .exclude(...exclude)
      .forRoutes(...forRoutes);
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
  /** `false`: no session is found by the handler, so requests do without the guard, which costs each several microseconds. */
  readonly needsGuard: boolean;
}

const GUARD: Provider = {
  provide: APP_GUARD,
  inject: [RequestOpener],
  useFactory: (opener: RequestOpener) => new StickyPrimaryGuard(opener),
};

/** The providers of a {@link RoutingModule} beside its router and options. */
export function routingProviders(
  settings: ReplicaModuleSettings,
  { router, options, needsGuard }: RoutingTokens,
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
      provide: APP_INTERCEPTOR,
      inject: [RequestOpener],
      useFactory: (opener: RequestOpener) => new RoutingInterceptor(opener),
    },
    ...(needsGuard ? [GUARD] : []),
  ];
}
