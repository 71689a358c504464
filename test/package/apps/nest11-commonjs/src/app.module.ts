import { DynamicModule, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { fromHeader, ReplicaModule } from 'nestjs-replica';
import { Product } from './product.entity';
import { ProductsController } from './products.controller';

interface DatabaseUrls {
  readonly primary: string;
  readonly replicas: readonly string[];
}

@Module({})
export class AppModule {
  static on({ primary, replicas }: DatabaseUrls): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ReplicaModule.forRoot({
          type: 'postgres',
          primary: { url: primary },
          replicas: replicas.map((url, index) => ({ name: `replica-${index + 1}`, url })),
          entities: [Product],
          synchronize: true,
          session: { key: fromHeader('x-session-id') },
          setHeaders: true,
        }),
        TypeOrmModule.forFeature([Product]),
      ],
      controllers: [ProductsController],
    };
  }
}
