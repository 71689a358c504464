import { beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { AsyncResource } from 'node:async_hooks';
import DataLoader from 'dataloader';
import { ForcePrimary, UseReplica } from 'nestjs-replica';
import { In, Repository } from 'typeorm';
import { useApp } from '../../support/app/start-app.js';
import { useRoutes, ON_REPLICA } from '../../support/app/routes.js';
import { useLedgerCluster, whilePaused } from '../../support/cluster/use-cluster.js';
import { Account } from '../../support/ledger/accounts.js';

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

/** Runs what all requests give it, one after the other, as limiters and pools do: whoever ends a job begins the next one. */
class Queue {
  readonly #waiting: (() => void)[] = [];
  #isBusy = false;

  push<T>(job: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(
        () =>
          void job()
            .finally(() => this.#next())
            .then(resolve, reject),
      );
      if (!this.#isBusy) this.#next();
    });
  }

  #next(): void {
    const begin = this.#waiting.shift();
    this.#isBusy = begin !== undefined;
    begin?.();
  }
}

@Injectable()
class BookingService {
  readonly #queue = new Queue();

  constructor(@InjectRepository(Account) private readonly accounts: Repository<Account>) {}

  /** Bookings of all requests, one after the other: each runs in the context of its own request. */
  book(id: number): Promise<unknown> {
    const booking = (): Promise<unknown> => this.accounts.increment({ id }, 'balance', 1);
    return this.#queue.push(AsyncResource.bind(booking));
  }
}

const cluster = useLedgerCluster();

describe('a queue that requests share', () => {
  const app = useApp(cluster, [], {}, { providers: [BookingService] });

  it('runs each job for the request that gave it, if the job is bound to its caller', () =>
    whilePaused(cluster, async () => {
      const service = app.nest.get(BookingService);
      const ids = [1, 2, 3];
      const within = <T>(method: string, id: number, fn: () => Promise<T>): Promise<T> =>
        app.router.runRequest({ method, sessionKey: `owner ${id}` }, fn);
      await Promise.all(ids.map((id) => within('POST', id, () => service.book(id))));
      for (const id of ids) {
        const account = await within('GET', id, () => app.accounts.findOneByOrFail({ id }));
        expect(account.balance).toBe(1);
      }
    }));
});

describe('a DataLoader', () => {
  const app = useApp(cluster, [], {}, { providers: [BalanceService] });
  const routes = useRoutes(app);
  let service: BalanceService;

  beforeAll(() => {
    service = app.nest.get(BalanceService);
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
