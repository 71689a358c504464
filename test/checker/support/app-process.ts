/** One of the application processes under test: registers over HTTP, sessions in the shared store, or in its memory. */
import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import { Controller, Get, Module, Param, ParseIntPipe, Put } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { fromHeader, MemorySessionStore, ReplicaModule } from 'nestjs-replica';
import { DataSource } from 'typeorm';
import { SharedSessionStore } from './session-wire.js';

interface AppSettings {
  /** Absent: sessions are kept in the memory of this process. */
  readonly storePort?: number;
  readonly nodes: readonly { readonly name: string; readonly url: string }[];
  readonly lanes?: boolean;
}

interface Row {
  readonly value: number;
  readonly node: string;
}

const NODE = `current_setting('cluster_name') AS node`;

@Controller('registers')
class RegisterController {
  constructor(private readonly dataSource: DataSource) {}

  @Get(':key')
  async read(@Param('key', ParseIntPipe) key: number): Promise<Row | undefined> {
    const rows = await this.dataSource.query<Row[]>(`SELECT value, ${NODE} FROM register WHERE key = $1`, [
      key,
    ]);
    return rows[0];
  }

  @Put(':key')
  async write(@Param('key', ParseIntPipe) key: number): Promise<Row | undefined> {
    return this.dataSource.transaction(async (manager) => {
      const [rows] = await manager.query<[Row[], number]>(
        `UPDATE register SET value = value + 1 WHERE key = $1 RETURNING value, ${NODE}`,
        [key],
      );
      return rows[0];
    });
  }
}

async function main(): Promise<void> {
  const { storePort, nodes, lanes } = JSON.parse(process.env.APP_SETTINGS ?? '{}') as AppSettings;
  const [primary, ...replicas] = nodes;
  const store = storePort === undefined ? new MemorySessionStore() : new SharedSessionStore(storePort);

  @Module({
    imports: [
      ReplicaModule.forRoot({
        type: 'postgres',
        primary,
        replicas,
        lanes,
        session: { key: fromHeader('x-session'), store, timeoutMs: 2_000 },
        monitor: { intervalMs: 200, probeTimeoutMs: 300 },
        connectTimeoutMS: 1_000,
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
