import type { InjectionToken, OptionalFactoryDependency, Provider, Type } from '@nestjs/common';
import { InvalidReplicaOptionsError } from '../errors/invalid-options.error.js';

/** Where the options of a `forRootAsync()` come from: one of a function, a class, or a provider that exists already. */
export interface FactorySource<Given, Maker> {
  readonly inject?: (InjectionToken | OptionalFactoryDependency)[];
  readonly useFactory?: (...args: never[]) => Given | Promise<Given>;
  readonly useClass?: Type<Maker>;
  readonly useExisting?: Type<Maker>;
  readonly extraProviders?: Provider[];
}

/** Providers of what such a source gives, under `token`. `read` checks it; `ask` gets it from a maker. */
export function factoryProviders<Given, Maker>(
  token: InjectionToken,
  source: FactorySource<Given, Maker>,
  { read, ask }: { read: (given: Given) => unknown; ask: (maker: Maker) => Given | Promise<Given> },
): Provider[] {
  const { useFactory, useClass, useExisting, inject = [], extraProviders = [] } = source;
  const given = [useFactory, useClass, useExisting].filter((one) => one !== undefined);
  if (given.length !== 1) {
    throw new InvalidReplicaOptionsError([
      `forRootAsync() needs one of useFactory, useClass and useExisting, not ${given.length}`,
    ]);
  }
  if (useFactory !== undefined) {
    const make = useFactory as (...args: unknown[]) => Given | Promise<Given>;
    return [
      ...extraProviders,
      { provide: token, inject, useFactory: async (...args: unknown[]) => read(await make(...args)) },
    ];
  }
  const factory = (useClass ?? useExisting) as Type<Maker>;
  return [
    ...extraProviders,
    ...(useClass === undefined ? [] : [useClass as Type]),
    { provide: token, inject: [factory], useFactory: async (maker: Maker) => read(await ask(maker)) },
  ];
}
