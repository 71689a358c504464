import type { Provider } from '@nestjs/common';
import type { TypeOrmOptionsFactory } from '@nestjs/typeorm';
import type { DataSourceOptions } from 'typeorm';
import { conceal, withoutTexts } from '../options/conceal.js';
import { InvalidReplicaOptionsError } from '../errors/invalid-options.error.js';
import { NEST_TYPEORM_KEYS } from '../options/typeorm-keys.js';
import type { ReplicaDataSourceOptions } from '../options/replica-options.js';
import { resolveOptions } from '../options/resolve-options.js';
import { problemsOfModuleKeys } from './check-settings.js';
import type {
  FactoryOptions,
  ReplicaModuleAsyncOptions,
  ReplicaModuleFactoryOptions,
  ReplicaOptionsFactory,
} from './replica-module-options.js';

/** The options of one module, checked, by who reads them. */
export interface NestReplicaOptions {
  readonly dataSource: ReplicaDataSourceOptions<never>;
  /** For `@nestjs/typeorm`. */
  readonly nest: Readonly<Record<string, unknown>>;
  readonly setHeaders: boolean;
  /** Called at boot where the data source that Nest injects routes nothing. */
  readonly onUnrouted?: () => void;
}

/** Providers of the checked options. Mistakes are reported at once, not after all attempts to connect. */
export function optionsProviders(name: string, token: string, source: ReplicaModuleAsyncOptions): Provider[] {
  const { useFactory, useClass, useExisting, inject = [], extraProviders = [] } = source;
  const given = [useFactory, useClass, useExisting].filter((one) => one !== undefined);
  if (given.length !== 1) {
    throw new InvalidReplicaOptionsError([
      `forRootAsync() needs one of useFactory, useClass and useExisting, not ${given.length}`,
    ]);
  }
  if (useFactory !== undefined) {
    const make = useFactory as (...args: unknown[]) => FactoryOptions | Promise<FactoryOptions>;
    return [
      ...extraProviders,
      { provide: token, inject, useFactory: async (...args: unknown[]) => check(await make(...args)) },
    ];
  }
  const factory = (useClass ?? useExisting) as NonNullable<typeof useClass>;
  return [
    ...extraProviders,
    ...(useClass === undefined ? [] : [useClass]),
    {
      provide: token,
      inject: [factory],
      useFactory: async (maker: ReplicaOptionsFactory | TypeOrmOptionsFactory) =>
        check(await optionsBy(maker, name === 'default' ? undefined : name)),
    },
  ];
}

/** Classes that were made for TypeOrmModule are taken, too. */
function optionsBy(
  maker: ReplicaOptionsFactory | TypeOrmOptionsFactory,
  name: string | undefined,
): FactoryOptions | Promise<FactoryOptions> {
  return 'createReplicaOptions' in maker
    ? maker.createReplicaOptions(name)
    : maker.createTypeOrmOptions(name);
}

/** What TypeOrmModule hands to its factory, without what is Nest's. */
export function resolvedForNest(options: DataSourceOptions | undefined): ReplicaDataSourceOptions<never> {
  return split(options as unknown as Record<string, unknown>).dataSource;
}

function check(given: FactoryOptions): NestReplicaOptions {
  const options = given as ReplicaModuleFactoryOptions;
  if (typeof options !== 'object' || options === null) {
    throw new InvalidReplicaOptionsError(['the options must be an object: did the factory return them?']);
  }
  const found = split({ ...options });
  const problems = problemsOfModuleKeys(options);
  if (options.setHeaders !== undefined && typeof options.setHeaders !== 'boolean') {
    problems.push(`setHeaders must be true or false, not ${typeof options.setHeaders}`);
  }
  try {
    resolveOptions(found.dataSource);
  } catch (error) {
    if (!(error instanceof InvalidReplicaOptionsError)) throw error;
    problems.push(...error.problems);
  }
  if (problems.length > 0) throw new InvalidReplicaOptionsError(problems);
  conceal(found.dataSource, () => withoutTexts(found.dataSource));
  return { ...found, setHeaders: options.setHeaders ?? false };
}

function split(options: Record<string, unknown>): Pick<NestReplicaOptions, 'dataSource' | 'nest'> {
  const dataSource: Record<string, unknown> = {};
  const nest: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(options)) {
    if (NEST_TYPEORM_KEYS.includes(key)) nest[key] = value;
    else if (key !== 'setHeaders') dataSource[key] = value;
  }
  return { dataSource: dataSource as unknown as ReplicaDataSourceOptions<never>, nest };
}
