import type { Provider } from '@nestjs/common';
import type { TypeOrmOptionsFactory } from '@nestjs/typeorm';
import type { DataSourceOptions } from 'typeorm';
import { concealTexts } from '../options/conceal.js';
import { InvalidReplicaOptionsError } from '../errors/invalid-options.error.js';
import { NEST_TYPEORM_KEYS } from '../options/typeorm-keys.js';
import type { OptionsOfAnyType } from '../options/typeorm-options.js';
import { problemsOfOptions } from '../options/resolve-options.js';
import { problemsOfModuleKeys } from './check-settings.js';
import { factoryProviders } from './factory-providers.js';
import { DEFAULT_NAME } from './module-tokens.js';
import type {
  FactoryOptions,
  ReplicaModuleAsyncOptions,
  ReplicaModuleFactoryOptions,
  ReplicaOptionsFactory,
} from './replica-module-options.js';

/** The options of one module, by who reads them. */
export interface NestReplicaOptions {
  /** Options of the data source and of `@nestjs/typeorm`. */
  readonly dataSource: OptionsOfAnyType<never>;
  readonly setHeaders: boolean;
  /** Called at boot if the data source that Nest injects does not route. */
  readonly onUnrouted?: () => void;
}

/** Providers of the options. */
export function optionsProviders(name: string, token: string, source: ReplicaModuleAsyncOptions): Provider[] {
  const own = name === DEFAULT_NAME ? undefined : name;
  return factoryProviders<FactoryOptions, ReplicaOptionsFactory | TypeOrmOptionsFactory>(token, source, {
    read: check,
    ask: (maker) => optionsBy(maker, own),
  });
}

/** Also takes classes that were written for TypeOrmModule. */
function optionsBy(
  maker: ReplicaOptionsFactory | TypeOrmOptionsFactory,
  name: string | undefined,
): FactoryOptions | Promise<FactoryOptions> {
  return 'createReplicaOptions' in maker
    ? maker.createReplicaOptions(name)
    : maker.createTypeOrmOptions(name);
}

/** The options that TypeOrmModule gives to its factory, without Nest's own. */
export function withoutNestKeys(options: DataSourceOptions | undefined): OptionsOfAnyType<never> {
  const own = Object.entries(options ?? {}).filter(([key]) => !NEST_TYPEORM_KEYS.includes(key));
  return Object.fromEntries(own) as unknown as OptionsOfAnyType<never>;
}

/**
 * Checks the module's own options; the data source checks the rest. If one of them is wrong, the error also lists the
 * mistakes in the rest.
 */
function check(given: FactoryOptions): NestReplicaOptions {
  if (typeof given !== 'object' || given === null) {
    throw new InvalidReplicaOptionsError(['the options must be an object: did the factory return them?']);
  }
  const { setHeaders = false, ...dataSource } = given as ReplicaModuleFactoryOptions;
  const problems = problemsOfModuleKeys(given);
  if (typeof setHeaders !== 'boolean')
    problems.push(`setHeaders must be true or false, not ${typeof setHeaders}`);
  if (problems.length > 0)
    throw new InvalidReplicaOptionsError([...problems, ...problemsOfOptions(dataSource)]);
  return { dataSource: concealTexts(dataSource), setHeaders };
}
