import 'reflect-metadata';
import { Body, Controller, Get, Module, Param, ParseIntPipe, Patch } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import { fromHeader, ReplicaModule } from 'nestjs-replica';
import { Column, Entity, PrimaryColumn, Repository } from 'typeorm';
import { heldBytes } from './support/heap.js';
import type { ClusterAddress } from './support/servers.js';

/** Start parameters of the application of the benchmark `soak`. */
export interface SoakAppOptions {
  readonly cluster: ClusterAddress;
  readonly poolSize: number;
}

/** What the application holds while nothing runs. */
export interface SoakSample {
  readonly heldBytes: number;
  readonly rssBytes: number;
  /** Sockets, timers and the like that keep the process alive. */
  readonly activeResources: number;
}

@Entity()
class Item {
  @PrimaryColumn()
  id!: number;

  @Column()
  value!: number;
}

@Controller('items')
class ItemController {
  constructor(@InjectRepository(Item) private readonly items: Repository<Item>) {}

  @Get(':id')
  read(@Param('id', ParseIntPipe) id: number): Promise<Item | null> {
    return this.items.findOneBy({ id });
  }

  @Patch(':id')
  async write(@Param('id', ParseIntPipe) id: number, @Body('value') value: number): Promise<object> {
    await this.items.update({ id }, { value });
    return {};
  }
}

async function start({ cluster, poolSize }: SoakAppOptions): Promise<void> {
  @Module({
    imports: [
      ReplicaModule.forRoot({
        type: 'postgres',
        entities: [Item],
        poolSize,
        primary: { url: cluster.primaryUrl },
        replicas: cluster.replicas,
        session: { key: fromHeader('x-session') },
      }),
      TypeOrmModule.forFeature([Item]),
    ],
    controllers: [ItemController],
  })
  class AppModule {}

  const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
  await app.listen(0, '127.0.0.1');
  process.send?.(app.getHttpServer().address());
}

async function sample(): Promise<SoakSample> {
  return {
    heldBytes: await heldBytes(),
    rssBytes: process.memoryUsage.rss(),
    activeResources: process.getActiveResourcesInfo().length,
  };
}

if (process.send !== undefined) {
  process.once('disconnect', () => process.exit());
  process.once('message', (options: SoakAppOptions) => {
    void start(options);
    process.on('message', () => void sample().then((taken) => process.send?.(taken)));
  });
}
