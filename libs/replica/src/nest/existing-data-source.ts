import {
  type DynamicModule,
  Global,
  Inject,
  Module,
  type ModuleMetadata,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { getDataSourceToken, getEntityManagerToken } from '@nestjs/typeorm';
import type { EntityManager } from 'typeorm';
import { InvalidReplicaOptionsError } from '../errors/invalid-options.error.js';
import type { DatabaseType } from '../options/database-type.js';
import { kindOfFailure } from '../errors/safe-message.error.js';
import { DataSourceRouter } from '../typeorm/data-source-router.js';
import type { ReplicaDataSource } from '../typeorm/replica-data-source.js';
import { loggerOf, SafeLogger } from './loggers.js';
import type { NestReplicaOptions } from './options-providers.js';
import type { ReplicaModuleSettings } from './module-settings.js';
import type { ReplicaFactoryOptions } from './replica-module-options.js';

/** Settings of `ReplicaModule.forDataSource()`. Everything else is in the options of the data source. */
export interface ReplicaModuleForDataSourceSettings
  extends ReplicaModuleSettings, Pick<ReplicaFactoryOptions, 'setHeaders'>, Pick<ModuleMetadata, 'imports'> {}

/** Connects a data source unless it is connected. Closes it if it was connected here. */
class ExistingDataSource {
  readonly #dataSource: ReplicaDataSource;
  readonly #name: string;
  #isOpenedHere = false;

  constructor(dataSource: ReplicaDataSource, name: string) {
    this.#dataSource = dataSource;
    this.#name = name;
  }

  async opened(): Promise<ReplicaDataSource> {
    if (!this.#dataSource.isInitialized) {
      await this.#dataSource.logTo(loggerOf(this.#name)).initialize();
      this.#isOpenedHere = true;
    }
    return this.#dataSource;
  }

  async close(): Promise<void> {
    if (!this.#isOpenedHere) return;
    this.#isOpenedHere = false;
    if (this.#dataSource.isInitialized) await this.#dataSource.destroy();
  }
}

/** Lets Nest inject a data source that the application made, and its entity manager, as TypeOrmModule does. */
@Global()
@Module({})
export class ExistingDataSourceModule implements OnApplicationShutdown {
  constructor(@Inject(ExistingDataSource) private readonly dataSource: ExistingDataSource) {}

  static of(dataSource: ReplicaDataSource, name: string): DynamicModule {
    const token = getDataSourceToken(name);
    const managerToken = getEntityManagerToken(name);
    return {
      module: ExistingDataSourceModule,
      providers: [
        { provide: ExistingDataSource, useValue: new ExistingDataSource(dataSource, name) },
        {
          provide: token,
          inject: [ExistingDataSource],
          useFactory: (existing: ExistingDataSource) => existing.opened(),
        },
        {
          provide: managerToken,
          inject: [token],
          useFactory: ({ manager }: ReplicaDataSource): EntityManager => manager,
        },
      ],
      exports: [token, managerToken],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.dataSource.close().catch((error: unknown) => {
      new SafeLogger().error(`the data source could not be closed: ${kindOfFailure(error)}`);
    });
  }
}

/**
 * The options of a module whose data source exists already. Throws if it was given neither a data source nor a token.
 */
export function optionsOfExisting(
  dataSource: unknown,
  name: string,
  setHeaders: unknown,
): NestReplicaOptions {
  const problems: string[] = [];
  const isToken = ['string', 'symbol', 'function'].includes(typeof dataSource);
  const { router, options } = (dataSource ?? {}) as Partial<ReplicaDataSource>;
  if (!isToken && !(router instanceof DataSourceRouter)) {
    problems.push('forDataSource() needs a ReplicaDataSource, or the injection token of one');
  }
  if (setHeaders !== undefined && typeof setHeaders !== 'boolean') {
    problems.push(`setHeaders must be true or false, not ${typeof setHeaders}`);
  }
  if (problems.length > 0) throw new InvalidReplicaOptionsError(problems);
  return {
    // Used only if a test has replaced the data source.
    dataSource: { type: (options?.type ?? 'postgres') as DatabaseType, host: 'localhost' },
    setHeaders: setHeaders === true,
    onUnrouted: () => {
      if (isToken)
        loggerOf(name).warn(
          'the data source given by its token is no ReplicaDataSource: all goes to the primary',
        );
    },
  };
}
