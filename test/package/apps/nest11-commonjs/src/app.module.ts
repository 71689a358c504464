import { DynamicModule, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DatabaseType, fromHeader, ReplicaModule } from 'nestjs-replica';
import { ReplicaDashboardModule } from 'nestjs-replica/dashboard';
import { Product } from './product.entity';
import { ProductsController } from './products.controller';

/** A data source of its own name, without replicas. */
export const ARCHIVE = 'archive';

interface DatabaseNodes {
  readonly primary: { readonly url: string };
  readonly replicas: readonly { readonly name: string; readonly url: string }[];
}

@Module({})
export class AppModule {
  static on({ primary, replicas }: DatabaseNodes, type: DatabaseType): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ReplicaModule.forRoot({
          type,
          primary: { url: primary.url },
          replicas: replicas.map(({ name, url }) => ({ name, url })),
          entities: [Product],
          synchronize: true,
          session: { key: fromHeader('x-session-id') },
          monitor: { intervalMs: 50 },
          setHeaders: true,
        }),
        TypeOrmModule.forFeature([Product]),
        ReplicaModule.forRoot({ type, name: ARCHIVE, url: primary.url, entities: [Product] }),
        TypeOrmModule.forFeature([Product], ARCHIVE),
        ReplicaDashboardModule.forRoot({ dataSources: ['default', ARCHIVE] }),
      ],
      controllers: [ProductsController],
    };
  }
}
