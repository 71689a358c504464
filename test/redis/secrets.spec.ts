import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Redis } from 'ioredis';
import { fromHeader, type RedisClient, RedisSessionStore } from 'nestjs-replica';
import { createClient } from 'redis';
import { Repository } from 'typeorm';
import { tellingLines } from '../support/secrets/secrets.js';
import { everyEvent, everythingOf } from '../support/secrets/seen.js';
import { ODD_PASSWORD } from '../support/cluster/odd-role.js';
import { RedisServer } from './support/redis-server.js';
import { launch, accountsOn } from '../support/app/start-app.js';
import type { TestApp } from '../support/app/test-app.js';
import { CapturedLogs } from '../support/app/captured-logs.js';
import { useLedgerCluster } from '../support/cluster/use-cluster.js';
import { Account } from '../support/ledger/accounts.js';

@Controller('accounts')
class AccountsController {
  constructor(@InjectRepository(Account) private readonly accounts: Repository<Account>) {}

  @Get()
  list(): Promise<Account[]> {
    return this.accounts.find({ take: 3, cache: true });
  }

  @Post()
  add(): Promise<Account> {
    return this.accounts.save({ owner: 'ann' });
  }
}

/** A client, and how to end it. Its errors are the application's. */
interface Connected {
  readonly client: RedisClient;
  readonly close: () => unknown;
}

const cluster = useLedgerCluster({ replicas: 1 });

describe('the password of a Redis', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await RedisServer.start();
    const setter = new Redis(redis.port);
    await setter.config('SET', 'requirepass', ODD_PASSWORD);
    setter.disconnect();
  });
  afterAll(() => redis.stop());

  const urlWith = (password: string): string =>
    `redis://default:${encodeURIComponent(password)}@127.0.0.1:${redis.port}`;
  const CLIENTS: Record<string, (password: string) => Promise<Connected>> = {
    ioredis: (password) => {
      const client = new Redis(urlWith(password), { maxRetriesPerRequest: 0 });
      client.on('error', () => undefined);
      return Promise.resolve({ client, close: () => client.disconnect() });
    },
    redis: async (password) => {
      const client = createClient({ url: urlWith(password), socket: { reconnectStrategy: false } });
      client.on('error', () => undefined);
      await client.connect().catch(() => undefined);
      return { client, close: () => (client.isOpen ? client.destroy() : undefined) };
    },
  };

  async function toldBy(app: TestApp, events: readonly unknown[]): Promise<unknown[]> {
    const told: unknown[] = [];
    for (const method of ['POST', 'GET', 'GET']) {
      const url = `${await app.nest.getUrl()}/accounts`;
      const answer = await fetch(url, { method, headers: { 'x-session': 'ann' } });
      told.push(answer.status, [...answer.headers], await answer.text());
    }
    const { router, dataSource } = app;
    return [...told, events, router, router.topology(), router.counters(), dataSource, dataSource.options];
  }

  it.each(Object.keys(CLIENTS).flatMap((kind) => [[kind, true] as const, [kind, false] as const]))(
    'is shown nowhere by a store on %s, whether it is right (%s) or not',
    async (kind, isRight) => {
      const password = isRight ? ODD_PASSWORD : `hunter2wr\u00F6ng &+%2F`;
      const { client, close } = await (CLIENTS[kind] as (typeof CLIENTS)[string])(password);
      const logs = new CapturedLogs();
      const store = new RedisSessionStore({ client });
      const imports = accountsOn(cluster, {
        logger: logs,
        logging: 'all',
        session: { key: fromHeader('x-session'), store },
        cache: { type: 'ioredis', options: { host: '127.0.0.1', port: redis.port, password: ODD_PASSWORD } },
      });
      const app = await launch({ imports, controllers: [AccountsController] }, { logger: logs });
      try {
        const told = await toldBy(app, everyEvent(app.router));
        told.push(store, app.dataSource.queryResultCache, imports[0]);
        if (!isRight) {
          told.push(await store.load('ann').catch((error: unknown) => error));
          expect(app.router.counters().failedSessionLoads).toBeGreaterThan(0);
        }
        const texts = [...told.map(everythingOf), ...logs.lines];
        for (const secret of [password, ODD_PASSWORD]) expect(tellingLines(texts, secret)).toEqual([]);
      } finally {
        await app.close();
        await close();
      }
    },
  );
});
