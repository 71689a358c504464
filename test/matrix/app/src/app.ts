import {
  Body,
  Controller,
  Get,
  Injectable,
  Module,
  NotFoundException,
  Param,
  ParseIntPipe,
  Post,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import {
  DataSourceRouter,
  ForcePrimary,
  fromHeader,
  ReplicaModule,
  SyncWrite,
  UseReplica,
  type ReplicaDataSourceOptions,
} from 'nestjs-replica';
import { startPostgresCluster, type PostgresCluster } from 'nestjs-replica/testing';
import { DataSource, Like, Repository } from 'typeorm';
import { Item, Shelf } from './entities.js';

@Injectable()
export class Jobs {
  constructor(
    @InjectRepository(Item) private readonly items: Repository<Item>,
    private readonly router: DataSourceRouter,
  ) {}

  /** Adds in one context, and counts in another that knows of it by a token. */
  async countAfterAdding(name: string): Promise<number> {
    let token = '';
    await this.router.runWithToken(undefined, async () => {
      await this.items.insert({ name });
      token = await this.router.currentToken();
    });
    return this.router.runWithToken(token, () => this.items.countBy({ name }));
  }

  @UseReplica({ consistency: 'eventual' })
  anyCount(): Promise<number> {
    return this.items.count();
  }
}

@Controller('items')
export class ItemsController {
  constructor(
    @InjectRepository(Item) private readonly items: Repository<Item>,
    private readonly dataSource: DataSource,
    private readonly jobs: Jobs,
  ) {}

  @Post()
  create(@Body('name') name: string): Promise<Item> {
    return this.items.save({ name });
  }

  @Post('visible')
  @SyncWrite({ visibleOn: 'all', timeoutMs: 60_000, onTimeout: 'error' })
  createVisibly(@Body('name') name: string): Promise<Item> {
    return this.items.save({ name });
  }

  @Post('search')
  @UseReplica()
  search(@Body('name') name: string): Promise<Item[]> {
    return this.items.findBy({ name: Like(`%${name}%`) });
  }

  @Post('in-transaction')
  inTransaction(@Body('name') name: string): Promise<object> {
    return this.dataSource.transaction(async (manager) => {
      const { id } = await manager.save(Item, { name });
      const locked = await manager.findOne(Item, { where: { id }, lock: { mode: 'pessimistic_write' } });
      if (name === 'undone') throw new NotFoundException();
      return { id, locked: locked?.name };
    });
  }

  @Post('job')
  async job(@Body('name') name: string): Promise<object> {
    return { count: await this.jobs.countAfterAdding(name), any: await this.jobs.anyCount() };
  }

  @Get('forced')
  @ForcePrimary()
  forced(): Promise<number> {
    return this.items.count();
  }

  @Get()
  async count(): Promise<object> {
    return { count: await this.items.count() };
  }

  @Get(':id')
  async show(@Param('id', ParseIntPipe) id: number): Promise<Item> {
    const item = await this.items.findOneBy({ id });
    if (item === null) throw new NotFoundException();
    return item;
  }
}

/** The options of everything that the checks connect to a cluster. */
export function optionsOn({ primary, replicas }: PostgresCluster): ReplicaDataSourceOptions {
  return {
    type: 'postgres',
    primary: { url: primary.url },
    replicas: replicas.map(({ name, url }) => ({ name, url })),
    entities: [Item, Shelf],
    monitor: { intervalMs: 50, probeTimeoutMs: 5_000 },
    maxLagMs: 25_000,
  };
}

/** The application on a cluster of its own, listening on a free port. */
export async function start() {
  const cluster = await startPostgresCluster({ replicas: 2 });
  try {
    @Module({
      imports: [
        ReplicaModule.forRoot({
          ...optionsOn(cluster),
          synchronize: true,
          session: { key: fromHeader('x-session-id') },
          setHeaders: true,
        }),
        TypeOrmModule.forFeature([Item]),
      ],
      controllers: [ItemsController],
      providers: [Jobs],
    })
    class AppModule {}
    const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'], abortOnError: false });
    await app.listen(0, '127.0.0.1');
    return { app, baseUrl: await app.getUrl(), cluster };
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}
