/** One of the application processes under test: registers over HTTP, sessions in the shared store, or in its memory. */
import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { fromHeader, headerToken, MemorySessionStore, ReplicaModule } from 'nestjs-replica';
import { databaseOfUrl } from '../../support/cluster/test-database.js';
import { RegisterController } from './register.controller.js';
import { SharedSessionStore } from './session-wire.js';

interface AppSettings {
  /** Absent: sessions are kept in the memory of this process. */
  readonly storePort?: number;
  readonly nodes: readonly { readonly name: string; readonly url: string }[];
  /** Sessions are carried by their clients. */
  readonly hasTokens?: boolean;
  /** Some reads are answered by TypeORM's result cache. */
  readonly hasCache?: boolean;
  /** The Redis in which that is; absent: a table. */
  readonly cacheUrl?: string;
  readonly lanes?: boolean;
}

async function main(): Promise<void> {
  const { storePort, hasTokens, hasCache, cacheUrl, nodes, lanes } = JSON.parse(
    process.env.APP_SETTINGS ?? '{}',
  ) as AppSettings;
  const [primary, ...replicas] = nodes;
  const store = storePort === undefined ? new MemorySessionStore() : new SharedSessionStore(storePort);
  const session =
    hasTokens === true
      ? { token: headerToken('x-token'), secrets: ['a secret of the checker, long enough'] }
      : { key: fromHeader('x-session'), store, timeoutMs: 2_000 };

  @Module({
    imports: [
      ReplicaModule.forRoot({
        // Both databases take all of these options.
        type: databaseOfUrl(primary?.url ?? '') as 'postgres',
        primary,
        replicas,
        lanes,
        session,
        cache: cacheUrl === undefined ? hasCache === true : { type: 'redis', options: { url: cacheUrl } },
        // In a long run most faults would find replicas on trial.
        monitor: { intervalMs: 200, probeTimeoutMs: 300, flapWindowMs: 0 },
        pool: { connectTimeoutMs: 1_000 },
        poolSize: 8,
      }),
    ],
    controllers: [RegisterController],
  })
  class AppModule {}

  const app = await NestFactory.create(AppModule, { logger: false });
  await app.listen(0, '127.0.0.1');
  process.send?.({ port: (app.getHttpServer().address() as AddressInfo).port });
  process.once('disconnect', () => process.exit(0));
}

await main();
