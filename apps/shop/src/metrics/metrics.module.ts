import { Module } from '@nestjs/common';
import { ReplicaMetricsModule } from 'nestjs-replica/prometheus';
import { MetricsController } from './metrics.controller.js';

@Module({ imports: [ReplicaMetricsModule.forRoot()], controllers: [MetricsController] })
export class MetricsModule {}
