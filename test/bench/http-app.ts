import 'reflect-metadata';
import {
  Controller,
  Get,
  Module,
  Param,
  ParseIntPipe,
  Patch,
  type CallHandler,
  type CanActivate,
  type DynamicModule,
  type NestInterceptor,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import { fromHeader, ReplicaModule } from 'nestjs-replica';
import type { Observable } from 'rxjs';
import { Repository } from 'typeorm';
import { TEST_DATABASE } from '../support/cluster/test-database.js';
import { Item, Shelf } from './support/items.js';
import type { ClusterAddress } from './support/servers.js';

/**
 * What answers the requests. `-no-op`: with a global guard and a global interceptor that do nothing, for Nest itself charges for
 * those.
 */
export const HTTP_SYSTEMS = [
  'nestjs-replica',
  'nestjs-replica-no-session',
  'nestjs-replica-disabled',
  'typeorm-replication',
  'typeorm-replication-no-op',
  'primary-only',
  'primary-only-no-op',
] as const;

export type HttpSystem = (typeof HTTP_SYSTEMS)[number];

export interface HttpAppOptions {
  readonly system: HttpSystem;
  readonly platform: 'express' | 'fastify';
  readonly cluster: ClusterAddress;
}

@Controller()
class ItemController {
  constructor(@InjectRepository(Item) private readonly items: Repository<Item>) {}

  @Get('nothing/:id')
  nothing(@Param('id', ParseIntPipe) id: number): object {
    return { id };
  }

  @Get('read/:id')
  read(@Param('id', ParseIntPipe) id: number): Promise<Item | null> {
    return this.items.findOneBy({ id });
  }

  @Get('three-reads/:id')
  async threeReads(@Param('id', ParseIntPipe) id: number): Promise<Item | null> {
    await this.items.findOneBy({ id });
    await this.items.findOneBy({ id });
    return this.items.findOneBy({ id });
  }

  @Patch('write/:id')
  async write(@Param('id', ParseIntPipe) id: number): Promise<object> {
    await this.items.increment({ id }, 'stock', 1);
    return { id };
  }

  @Patch('read-and-write/:id')
  async readAndWrite(@Param('id', ParseIntPipe) id: number): Promise<object> {
    const item = await this.items.findOneByOrFail({ id });
    await this.items.increment({ id: item.id }, 'stock', 1);
    return { id };
  }
}

class NoOpGuard implements CanActivate {
  canActivate(): boolean {
    return true;
  }
}

class NoOpInterceptor implements NestInterceptor {
  intercept(_context: unknown, next: CallHandler): Observable<unknown> {
    return next.handle();
  }
}

function dataSourceModule({ system, cluster }: HttpAppOptions): DynamicModule {
  const shared = { type: TEST_DATABASE as 'postgres', entities: [Item, Shelf], poolSize: 8 };
  const { primaryUrl, replicas } = cluster;
  if (system.startsWith('primary-only')) return TypeOrmModule.forRoot({ ...shared, url: primaryUrl });
  if (system.startsWith('typeorm-replication')) {
    const slaves = replicas.map(({ url }) => ({ url }));
    return TypeOrmModule.forRoot({ ...shared, replication: { master: { url: primaryUrl }, slaves } });
  }
  return ReplicaModule.forRoot({
    ...shared,
    primary: { url: primaryUrl },
    replicas,
    enabled: system !== 'nestjs-replica-disabled',
    ...(system === 'nestjs-replica-no-session' ? {} : { session: { key: fromHeader('x-session') } }),
  });
}

/** What an application's process has used since it began, as it tells whoever asks. */
export interface HttpAppUsage {
  readonly cpuUs: number;
  readonly peakMegabytes: number;
}

function usage(): HttpAppUsage {
  const { user, system } = process.cpuUsage();
  return { cpuUs: user + system, peakMegabytes: Math.round(process.resourceUsage().maxRSS / 1024) };
}

async function main(): Promise<void> {
  const options = JSON.parse(process.env.HTTP_APP ?? '{}') as HttpAppOptions;

  @Module({
    imports: [dataSourceModule(options), TypeOrmModule.forFeature([Item])],
    controllers: [ItemController],
  })
  class AppModule {}

  const app =
    options.platform === 'fastify'
      ? await NestFactory.create(AppModule, new FastifyAdapter(), { logger: ['error', 'warn'] })
      : await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
  if (options.system.endsWith('-no-op')) {
    app.useGlobalGuards(new NoOpGuard());
    app.useGlobalInterceptors(new NoOpInterceptor());
  }
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as { port: number };
  process.send?.({ port });
  process.on('message', () => process.send?.(usage()));
  process.once('disconnect', () => void app.close());
}

// A process that imports this file for its types and constants is no application.
if (process.env.HTTP_APP !== undefined) await main();
