import { type DynamicModule, Module } from '@nestjs/common';
import type { OptionsFromEnv } from 'nestjs-replica';
import { DatabaseModule } from './database/database.module.js';
import { OrdersModule } from './orders/orders.module.js';
import { ProductsModule } from './products/products.module.js';
import { ReportsModule } from './reports/reports.module.js';
import { StatusModule } from './status/status.module.js';

@Module({})
export class AppModule {
  static forRoot(nodes: OptionsFromEnv): DynamicModule {
    return {
      module: AppModule,
      imports: [DatabaseModule.forRoot(nodes), ProductsModule, OrdersModule, ReportsModule, StatusModule],
    };
  }
}
