import { afterEach, describe, expect, it } from '@jest/globals';
import { Injectable, Scope, type ModuleMetadata } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { Test, type TestingModule } from '@nestjs/testing';
import { InjectDataSource } from '@nestjs/typeorm';
import {
  type DataSourceRouter,
  ForcePrimary,
  getDataSourceRouterToken,
  ReplicaModule,
  UseReplica,
  WithToken,
} from 'nestjs-replica';
import { DataSource } from 'typeorm';
import { engineOf } from '../../../libs/replica/src/engine/replica-router.js';
import { optionsFor } from '../../support/app/start-app.js';
import { isReady } from '../../support/app/test-app.js';
import { Routes, ON_REPLICA } from '../../support/app/routes.js';
import { until } from '../../support/until.js';
import { useLedgerCluster } from '../../support/cluster/use-cluster.js';

const READ = 'SELECT count(*) FROM account';

@Injectable()
class TwoSources {
  constructor(
    private readonly shop: DataSource,
    @InjectDataSource('archive') private readonly archive: DataSource,
  ) {}

  @UseReplica()
  both(): Promise<unknown> {
    return this.readBoth();
  }

  @UseReplica({ dataSource: 'archive' })
  archiveOnly(): Promise<unknown> {
    return this.readBoth();
  }

  @UseReplica()
  @ForcePrimary({ dataSource: 'archive' })
  differently(): Promise<unknown> {
    return this.readBoth();
  }

  @WithToken((token) => token as string, { dataSource: 'archive' })
  withToken(_token: string): Promise<unknown> {
    return this.readBoth();
  }

  private async readBoth(): Promise<void> {
    await this.shop.query(READ);
    await this.archive.query(READ);
  }
}

@Injectable({ scope: Scope.REQUEST })
class PerRequest {
  constructor(private readonly dataSource: DataSource) {}

  @UseReplica()
  read(): Promise<unknown> {
    return this.dataSource.query(READ);
  }
}

class Shared {
  @UseReplica()
  run(work: () => Promise<unknown>): Promise<unknown> {
    return work();
  }
}

@Injectable()
class Mistaken {
  @ForcePrimary({ dataSource: 'archiv' })
  forced(): void {}
}

@Injectable()
class MistakenToken {
  @WithToken((token) => token as string, { dataSource: 'archiv' })
  process(_token: string): void {}
}

const cluster = useLedgerCluster();

describe('decorated methods', () => {
  const started: TestingModule[] = [];

  afterEach(async () => {
    await Promise.all(started.splice(0).map((app) => app.close()));
  });

  const routerOf = (app: TestingModule, name?: string): DataSourceRouter =>
    app.get<DataSourceRouter>(getDataSourceRouterToken(name));

  async function start(metadata: ModuleMetadata, ...names: string[]): Promise<TestingModule> {
    const app = await Test.createTestingModule({
      ...metadata,
      imports: [
        ReplicaModule.forRoot(optionsFor(cluster)),
        ...names.map((name) => ReplicaModule.forRoot(optionsFor(cluster, { name }))),
      ],
    }).compile();
    started.push(app);
    await app.init();
    const routers = [undefined, ...names].map((name) => routerOf(app, name));
    await until(() => routers.every(isReady));
    return app;
  }

  it('concern all data sources of their application, or the one that they name', async () => {
    const app = await start({ providers: [TwoSources] }, 'archive');
    const [shop, archive] = [new Routes(routerOf(app)), new Routes(routerOf(app, 'archive'))];
    const service = app.get(TwoSources);
    const seen = async (call: Promise<unknown>): Promise<unknown> => {
      await call;
      return { shop: shop.take(), archive: archive.take() };
    };
    expect(await seen(service.both())).toEqual({ shop: [ON_REPLICA], archive: [ON_REPLICA] });
    expect(await seen(service.archiveOnly())).toEqual({
      shop: ['primary no-context'],
      archive: [ON_REPLICA],
    });
    expect(await seen(service.differently())).toEqual({
      shop: [ON_REPLICA],
      archive: ['primary forced-primary'],
    });
    const token = await routerOf(app, 'archive').currentToken();
    await routerOf(app, 'archive').waitForToken(token, { timeoutMs: 5_000 });
    expect(await seen(service.withToken(token))).toEqual({
      shop: ['primary no-context'],
      archive: ['replica session-replayed'],
    });
  });

  it.each([Mistaken, MistakenToken])(
    'keep an application from starting if they name an unknown data source: %p',
    async (type) => {
      await expect(start({ providers: [type] }, 'archive')).rejects.toMatchObject({
        name: 'InvalidReplicaOptionsError',
        problems: [
          expect.stringMatching(
            new RegExp(`of ${type.name}\\.\\w+ names dataSource 'archiv', .* knows 'default', 'archive'`),
          ),
        ],
      });
    },
  );

  it('of one class stay apart in two applications, even after one of them has ended', async () => {
    const shared = new Shared();
    const metadata: ModuleMetadata = {
      providers: [PerRequest, { provide: Shared, useValue: shared }],
    };
    const [one, other] = [await start(metadata), await start(metadata)];
    const [routesOfOne, routesOfOther] = [new Routes(routerOf(one)), new Routes(routerOf(other))];
    const read = async (app: TestingModule): Promise<void> => {
      const service = await app.get(ModuleRef).resolve(PerRequest, undefined, { strict: false });
      await service.read();
      await app.get(Shared).run(() => app.get(DataSource).query(READ));
    };
    await read(one);
    expect([routesOfOne.take(), routesOfOther.take()]).toEqual([[ON_REPLICA, ON_REPLICA], []]);
    const { contexts } = engineOf(routerOf(one));
    const contextOfOne = (): Promise<unknown> => shared.run(() => Promise.resolve(contexts.current()));
    expect(await contextOfOne()).toBeDefined();
    await one.close();
    expect(await contextOfOne()).toBeUndefined();
    await read(other);
    expect([routesOfOne.take(), routesOfOther.take()]).toEqual([[], [ON_REPLICA, ON_REPLICA]]);
    await other.close();
    expect(await shared.run(() => Promise.resolve('called as it is'))).toBe('called as it is');
  });
});
