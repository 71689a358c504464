import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import DataLoader from 'dataloader';
import { ForcePrimary, UseReplica } from 'nestjs-replica';
import type { PostgresCluster } from 'nestjs-replica/testing';
import { In, Repository } from 'typeorm';
import { startAccountsCluster } from '../../e2e/module/support/accounts-cluster.js';
import { accountsOn, launchReady } from '../../e2e/module/support/launch.js';
import { ON_REPLICA, Routes } from '../../e2e/transports/support/routes.js';
import { Account } from '../../support/accounts.js';
import type { TestApp } from '../../support/test-app.js';

@Injectable()
class BalanceService {
  constructor(@InjectRepository(Account) private readonly accounts: Repository<Account>) {}

  newLoader(): DataLoader<number, number> {
    return new DataLoader((ids) => this.balancesOf(ids));
  }

  newExactLoader(): DataLoader<number, number> {
    return new DataLoader((ids) => this.exactBalancesOf(ids));
  }

  @UseReplica()
  anyhow(loader: DataLoader<number, number>, id: number): Promise<number> {
    return loader.load(id);
  }

  @ForcePrimary()
  exactly(loader: DataLoader<number, number>, id: number): Promise<number> {
    return loader.load(id);
  }

  async balancesOf(ids: readonly number[]): Promise<number[]> {
    const found = await this.accounts.findBy({ id: In([...ids]) });
    return ids.map((id) => found.find((account) => account.id === id)?.balance ?? -1);
  }

  /** The batch asks for itself, whoever is the first to load. */
  @ForcePrimary()
  exactBalancesOf(ids: readonly number[]): Promise<number[]> {
    return this.balancesOf(ids);
  }
}

describe('a DataLoader', () => {
  let cluster: PostgresCluster;
  let app: TestApp;
  let routes: Routes;
  let service: BalanceService;

  beforeAll(async () => {
    cluster = await startAccountsCluster();
    app = await launchReady({ imports: accountsOn(cluster), providers: [BalanceService] });
    routes = new Routes(app.router);
    service = app.nest.get(BalanceService);
  });

  beforeEach(() => {
    routes.take();
  });

  afterAll(async () => {
    await app?.close();
    await cluster.stop();
  });

  it('reads a batch under what the first of its callers asks for, not the others', async () => {
    const loader = service.newLoader();
    await Promise.all([service.anyhow(loader, 1), service.exactly(loader, 2)]);
    expect(routes.take()).toEqual([ON_REPLICA]);
    await Promise.all([service.exactly(loader, 3), service.anyhow(loader, 4)]);
    expect(routes.take()).toEqual(['primary forced-primary']);
  });

  it('reads a batch as the method is decorated that loads it', async () => {
    const loader = service.newExactLoader();
    await Promise.all([service.anyhow(loader, 1), service.exactly(loader, 2)]);
    expect(routes.take()).toEqual(['primary forced-primary']);
  });
});
