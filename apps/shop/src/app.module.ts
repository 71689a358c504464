import { type DynamicModule, Module } from '@nestjs/common';
import type { OptionsFromEnv } from 'nestjs-replica';
import { ReplicaDashboardModule } from 'nestjs-replica/dashboard';
import type { DatabaseNode } from 'nestjs-replica/testing';
import { ThisMachineGuard } from './dashboard/this-machine.guard.js';
import { DatabaseModule } from './database/database.module.js';
import { FaultsModule } from './demo/faults.module.js';
import { MetricsModule } from './metrics/metrics.module.js';
import { OrdersModule } from './orders/orders.module.js';
import { ProductsModule } from './products/products.module.js';
import { ReportsModule } from './reports/reports.module.js';
import { StatusModule } from './status/status.module.js';

@Module({})
export class AppModule {
  static forRoot(nodes: OptionsFromEnv, ownReplicas?: readonly DatabaseNode[]): DynamicModule {
    return {
      module: AppModule,
      imports: [
        DatabaseModule.forRoot(nodes),
        ReplicaDashboardModule.forRoot({ path: 'replica', guards: [ThisMachineGuard], actions: true }),
        ProductsModule,
        OrdersModule,
        ReportsModule,
        StatusModule,
        MetricsModule,
        ...(ownReplicas === undefined ? [] : [FaultsModule.forRoot(ownReplicas)]),
      ],
    };
  }
}
