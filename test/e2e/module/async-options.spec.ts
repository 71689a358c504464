import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable, Module, type ModuleMetadata } from '@nestjs/common';
import {
  TypeOrmModule,
  type TypeOrmModuleAsyncOptions,
  type TypeOrmModuleOptions,
  type TypeOrmOptionsFactory,
} from '@nestjs/typeorm';
import {
  InvalidReplicaOptionsError,
  ReplicaDataSource,
  ReplicaModule,
  type ReplicaModuleAsyncOptions,
  type ReplicaModuleFactoryOptions,
  type ReplicaOptionsFactory,
} from 'nestjs-replica';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { textOf, CapturedLogs, expectNoCredential } from '../../support/app/captured-logs.js';
import { optionsFor, launch, launchReady } from '../../support/app/start-app.js';
import type { TestApp } from '../../support/app/test-app.js';
import { useLedgerCluster } from '../../support/cluster/use-cluster.js';
import { Account, Entry } from '../../support/ledger/accounts.js';
import { LedgerController } from '../../support/ledger/ledger.controller.js';

const OPTIONS = Symbol('options of the cluster');
const HEADER = Symbol('whether headers are set');

/** Where an application keeps its configuration. */
let configured: ReplicaModuleFactoryOptions;

@Injectable()
class OptionsFactory implements ReplicaOptionsFactory {
  readonly askedFor: (string | undefined)[] = [];

  createReplicaOptions(name?: string): ReplicaModuleFactoryOptions {
    this.askedFor.push(name);
    return configured;
  }
}

@Injectable()
class TypeOrmConfiguration implements TypeOrmOptionsFactory {
  createTypeOrmOptions(): TypeOrmModuleOptions {
    return configured;
  }
}

const forTypeOrm: TypeOrmModuleAsyncOptions = {
  useFactory: () => configured,
  dataSourceFactory: (options) => new DataSource(options as DataSourceOptions).initialize(),
};

@Module({
  providers: [OptionsFactory, { provide: OPTIONS, useFactory: () => Promise.resolve(configured) }],
  exports: [OptionsFactory, OPTIONS],
})
class ConfigModule {}

const cluster = useLedgerCluster();

describe('ReplicaModule.forRootAsync()', () => {
  let app: TestApp | undefined;
  let logs: CapturedLogs;

  beforeAll(async () => {
    configured = optionsFor(cluster);
  });

  afterEach(async () => {
    await app?.close();
    app = undefined;
  });

  const moduleWith = (options: ReplicaModuleAsyncOptions): ModuleMetadata => ({
    imports: [ReplicaModule.forRootAsync(options), TypeOrmModule.forFeature([Account, Entry])],
    controllers: [LedgerController],
  });

  it.each<[string, ReplicaModuleAsyncOptions]>([
    [
      'useFactory with imports and inject',
      { imports: [ConfigModule], inject: [OPTIONS], useFactory: (options: never) => options },
    ],
    ['useClass', { useClass: OptionsFactory }],
    ['useExisting', { imports: [ConfigModule], useExisting: OptionsFactory }],
    ['a class that was made for TypeOrmModule', { useClass: TypeOrmConfiguration }],
    ['a factory whose type is that of TypeOrmModule', { useFactory: (): TypeOrmModuleOptions => configured }],
    [
      'useFactory, and the data source from dataSourceFactory',
      {
        useFactory: () => configured,
        dataSourceFactory: (options) => Promise.resolve(new ReplicaDataSource(options)),
      },
    ],
    [
      'useFactory, and a data source of TypeORM from dataSourceFactory',
      {
        useFactory: () => configured,
        dataSourceFactory: async (options) =>
          Promise.resolve(new DataSource({ ...options, maxQueryExecutionTime: 9 })),
      },
    ],
    [
      'useFactory, and a connected data source of TypeORM from dataSourceFactory',
      { useFactory: () => configured, dataSourceFactory: (options) => new DataSource(options).initialize() },
    ],
    ['options that are typed for TypeOrmModule', forTypeOrm],
    [
      'extraProviders',
      {
        extraProviders: [{ provide: HEADER, useValue: true }],
        inject: [HEADER],
        useFactory: async (setHeaders: boolean) => Promise.resolve({ ...configured, setHeaders }),
      },
    ],
    [
      'an optional dependency that is not there',
      {
        inject: [{ token: HEADER, optional: true }],
        useFactory: (setHeaders?: boolean) => ({ ...configured, setHeaders: setHeaders ?? true }),
      },
    ],
  ])('takes options from %s', async (_, options) => {
    app = await launchReady(moduleWith(options));
    expect(await app.get('/accounts')).toMatchObject({
      status: 200,
      body: { count: 100 },
      reasons: ['session-free'],
    });
    await app.close();
  });

  it('asks a factory that another module made, once and without making another', async () => {
    app = await launchReady(moduleWith({ imports: [ConfigModule], useExisting: OptionsFactory }));
    expect(app.nest.get(OptionsFactory, { strict: false }).askedFor).toEqual([undefined]);
  });

  /** What the start fails with; it must fail. */
  async function failureOf(start: () => Promise<unknown>): Promise<InvalidReplicaOptionsError> {
    const error = await start().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(InvalidReplicaOptionsError);
    return error as InvalidReplicaOptionsError;
  }

  const launchWith = (useFactory: () => unknown): Promise<unknown> => {
    logs = new CapturedLogs();
    return launch(moduleWith({ useFactory: useFactory as () => ReplicaModuleFactoryOptions }), {
      logger: logs,
    });
  };

  it.each<[number, ReplicaModuleAsyncOptions]>([
    [0, {}],
    [2, { useFactory: () => configured, useClass: OptionsFactory }],
    [3, { useFactory: () => configured, useClass: OptionsFactory, useExisting: OptionsFactory }],
  ])('wants one source of options, not %i', async (count, options) => {
    const error = await failureOf(async () => launch(moduleWith(options)));
    expect(error.problems).toEqual([
      `forRootAsync() needs one of useFactory, useClass and useExisting, not ${count}`,
    ]);
  });

  it('fails at once, with all mistakes in one error and no password', async () => {
    let calls = 0;
    const wrong = {
      ...optionsFor(cluster),
      retryAttempts: 10,
      maxLagMs: -1,
      sesion: {},
      fallback: 'nothing',
      setHeaders: 'yes',
      replicas: [{ url: cluster.primary.url, name: 'no such name' }],
    };
    const error = await failureOf(() =>
      launchWith(() => {
        calls++;
        return wrong;
      }),
    );
    expect(error.problems).toHaveLength(5);
    for (const path of ['maxLagMs', 'sesion', 'fallback', 'setHeaders', 'replicas[0].name']) {
      expect(error.problems).toContainEqual(expect.stringContaining(path));
    }
    expect(calls).toBe(1);
    expect(logs.lines.filter((line) => line.includes('Retrying'))).toEqual([]);
    expectNoCredential(cluster, textOf(error), ...logs.lines);
  });

  it.each([
    ['undefined', undefined],
    ['null', null],
    ['a text', 'postgres://u:p@localhost/db'],
  ])('says so when the factory returns %s', async (_, returned) => {
    const error = await failureOf(() => launchWith(() => returned));
    expect(error.problems).toEqual(['the options must be an object: did the factory return them?']);
  });

  it('passes on the error of the factory itself', async () => {
    const reason = new Error('the vault is closed');
    await expect(
      launchWith(() => {
        throw reason;
      }),
    ).rejects.toBe(reason);
  });

  it.each([
    ['setHeaders', 'yes', 'setHeaders must be true or false, not string'],
    ['setHeaders', null, 'setHeaders must be true or false, not object'],
  ])('says so when %s is %j', async (key, value, problem) => {
    const error = await failureOf(() => launchWith(() => ({ ...configured, [key]: value })));
    expect(error.problems).toEqual([problem]);
  });
});

describe('ReplicaModule.forRoot()', () => {
  it('fails at once, too, without a connection', async () => {
    const starting = launch({
      imports: [ReplicaModule.forRoot({ type: 'postgres', retryAttempts: 10 })],
    });
    await expect(starting).rejects.toMatchObject({
      name: 'InvalidReplicaOptionsError',
      code: 'REPLICA_INVALID_OPTIONS',
      problems: [expect.stringContaining('primary is missing')],
    });
  });

  it('repeats no credential of a node that was given as a string', async () => {
    const url = 'postgres://ann:n0t-the-s3cret@localhost/db' as never;
    const starting = launch({
      imports: [ReplicaModule.forRoot({ type: 'postgres', primary: url, replicas: [url] })],
    });
    await expect(starting).rejects.toThrow('primary must be an object');
    await expect(starting).rejects.not.toThrow('n0t-the-s3cret');
  });
});
