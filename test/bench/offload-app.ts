import 'reflect-metadata';
import { Body, Controller, Get, Module, Param, ParseIntPipe, Patch, Query } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import { fromHeader, ReplicaModule, UseReplica, type Consistency, type RoutingOptions } from 'nestjs-replica';
import { Column, Entity, PrimaryColumn, Repository } from 'typeorm';
import { forDatabase, NODE_NAME_SQL, TEST_DATABASE } from '../support/cluster/test-database.js';

/** The application of the benchmark `offload`: one process of its own, one policy. */
export interface OffloadAppOptions {
  readonly policy: 'typeorm-replication' | 'time-window-2s' | Consistency;
  readonly primaryUrl: string;
  readonly replicas: readonly { readonly name: string; readonly url: string }[];
}

@Entity()
class Item {
  @PrimaryColumn()
  id!: number;

  @Column()
  value!: number;
}

/** Each row also tells the node that it came from. */
const NODE = forDatabase(NODE_NAME_SQL);

@Controller('items')
@UseReplica()
class ItemController {
  constructor(@InjectRepository(Item) private readonly items: Repository<Item>) {}

  @Get()
  list(@Query('from', ParseIntPipe) from: number): Promise<unknown[]> {
    return this.#select()
      .where('item.id BETWEEN :from AND :to', { from, to: from + 19 })
      .orderBy('item.id')
      .getRawMany();
  }

  @Get(':id')
  one(@Param('id', ParseIntPipe) id: number): Promise<unknown> {
    return this.#select().where('item.id = :id', { id }).getRawOne();
  }

  @Patch(':id')
  async write(@Param('id', ParseIntPipe) id: number, @Body('value') value: number): Promise<object> {
    await this.items.update({ id }, { value });
    return {};
  }

  #select(): ReturnType<Repository<Item>['createQueryBuilder']> {
    return this.items
      .createQueryBuilder('item')
      .select('item.id', 'id')
      .addSelect('item.value', 'value')
      .addSelect(NODE, 'node');
  }
}

function dataSourceModule({
  policy,
  primaryUrl,
  replicas,
}: OffloadAppOptions): ReturnType<typeof ReplicaModule.forRoot> {
  const shared = {
    // Both databases take all of these options.
    type: TEST_DATABASE as 'postgres',
    entities: [Item],
    poolSize: 8,
    applicationName: 'app',
  };
  if (policy === 'typeorm-replication') {
    return TypeOrmModule.forRoot({
      ...shared,
      replication: { master: { url: primaryUrl }, slaves: replicas.map(({ url }) => ({ url })) },
    });
  }
  const routing: RoutingOptions =
    policy === 'time-window-2s'
      ? { sticky: { mode: 'time', windowMs: 2_000 } }
      : { defaultConsistency: policy, maxStalenessMs: 5_000 };
  return ReplicaModule.forRoot({
    ...shared,
    ...routing,
    primary: { url: primaryUrl },
    replicas,
    session: { key: fromHeader('x-session') },
  });
}

async function main(): Promise<void> {
  const options = JSON.parse(process.env.OFFLOAD_APP ?? '{}') as OffloadAppOptions;

  @Module({
    imports: [dataSourceModule(options), TypeOrmModule.forFeature([Item])],
    controllers: [ItemController],
  })
  class AppModule {}

  const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as { port: number };
  process.send?.({ port });
  process.once('disconnect', () => void app.close());
}

await main();
