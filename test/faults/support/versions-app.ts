import 'reflect-metadata';
import {
  Body,
  Catch,
  Controller,
  Get,
  Module,
  Param,
  ParseIntPipe,
  Put,
  type ArgumentsHost,
  type DynamicModule,
  type INestApplication,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { InjectDataSource, InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import {
  fromHeader,
  getDataSourceRouterToken,
  ReplicaModule,
  type DataSourceRouter,
  type RoutingOptions,
} from 'nestjs-replica';
import type { Server, ServerResponse } from 'node:http';
import { Column, DataSource, Entity, PrimaryColumn, Repository } from 'typeorm';
import { databaseOfUrl, NODE_NAME_SQL } from '../../support/cluster/test-database.js';

/** What routes the application's statements. */
export const SYSTEMS = ['nestjs-replica', 'typeorm-replication'] as const;
export type System = (typeof SYSTEMS)[number];

/** What an application under faults is started with. */
export interface VersionsAppOptions {
  readonly system: System;
  readonly primary: { readonly name: string; readonly url: string };
  readonly replicas: readonly {
    readonly name: string;
    readonly url: string;
    readonly servers?: 'one' | 'many';
  }[];
  /** What differs from the defaults of nestjs-replica. */
  readonly routing?: Pick<
    RoutingOptions,
    'maxLagMs' | 'monitor' | 'session' | 'primaryWaitMs' | 'catchUpTimeoutMs' | 'discovery' | 'drainTimeoutMs'
  >;
}

/** By this name the servers know the application. */
export const APPLICATION_NAME = 'faults-app';
/** Connections per node. */
export const POOL_SIZE = 8;

/** A row and how often it was written: what an answer shows is older or newer by this number alone. */
@Entity('counter')
class Counter {
  @PrimaryColumn()
  id!: number;

  @Column()
  version!: number;
}

/** What the handlers answer. */
export interface Shown {
  readonly version: number;
  /** The server's own name. */
  readonly node: string;
}

@Controller()
class VersionsController {
  constructor(
    @InjectRepository(Counter) private readonly counters: Repository<Counter>,
    @InjectDataSource() private readonly dataSource: DataSource,
  ) {}

  get #isMariadb(): boolean {
    return this.dataSource.options.type === 'mariadb';
  }

  @Get('counters/:id')
  one(@Param('id', ParseIntPipe) id: number): Promise<unknown> {
    return this.#select(id).getRawOne();
  }

  /** Takes its time, as a report does. */
  @Get('reports/:id/:ms')
  report(@Param('id', ParseIntPipe) id: number, @Param('ms', ParseIntPipe) ms: number): Promise<unknown> {
    return this.#select(id)
      .addSelect(this.#isMariadb ? 'SLEEP(:seconds)' : 'pg_sleep(:seconds)', 'slept')
      .setParameter('seconds', ms / 1000)
      .getRawOne();
  }

  /** A statement whose answer to the client was lost may still come to pass: it must not undo a later one. */
  @Put('counters/:id')
  async write(@Param('id', ParseIntPipe) id: number, @Body('version') version: number): Promise<object> {
    await this.counters
      .createQueryBuilder()
      .update()
      .set({ version })
      .where('id = :id AND version < :version', { id, version })
      .execute();
    return {};
  }

  #select(id: number): ReturnType<Repository<Counter>['createQueryBuilder']> {
    return this.dataSource
      .createQueryBuilder(Counter, 'counter')
      .select('counter.version', 'version')
      .addSelect(NODE_NAME_SQL[this.#isMariadb ? 'mariadb' : 'postgres'], 'node')
      .where('counter.id = :id', { id });
  }
}

interface DriverError {
  readonly code?: string;
  readonly message?: string;
  readonly driverError?: DriverError;
}

/** Says in the answer what went wrong, and logs nothing: failures are what is counted here. */
@Catch()
class ErrorTeller {
  catch(error: DriverError, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<ServerResponse>();
    const { code, message } = error.driverError ?? error;
    response.statusCode = 500;
    response.end(JSON.stringify({ code: code ?? message ?? 'unknown' }));
  }
}

function dataSourceModule({ system, primary, replicas, routing }: VersionsAppOptions): DynamicModule {
  const shared = {
    // Both databases take all of these options.
    type: databaseOfUrl(primary.url) as 'postgres',
    entities: [Counter],
    poolSize: POOL_SIZE,
    applicationName: APPLICATION_NAME,
    retryAttempts: 1,
    logging: false,
  };
  return system === 'nestjs-replica'
    ? ReplicaModule.forRoot({
        ...shared,
        ...routing,
        primary,
        replicas,
        session: { key: fromHeader('x-session'), ...routing?.session },
      })
    : TypeOrmModule.forRoot({
        ...shared,
        replication: { master: { url: primary.url }, slaves: replicas.map(({ url }) => ({ url })) },
      });
}

/** A running application of this process. */
export interface VersionsApp {
  readonly port: number;
  /** `undefined` with TypeORM's own replication. */
  readonly router: DataSourceRouter | undefined;
  close(): Promise<void>;
}

/** Starts the application on real HTTP; with nestjs-replica resolves when all nodes are known. */
export async function startVersionsApp(options: VersionsAppOptions): Promise<VersionsApp> {
  @Module({
    imports: [dataSourceModule(options), TypeOrmModule.forFeature([Counter])],
    controllers: [VersionsController],
  })
  class AppModule {}

  const nest: INestApplication = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
  nest.useGlobalFilters(new ErrorTeller());
  await nest.listen(0, '127.0.0.1');
  // Who calls at the moment when the server closes an idle connection gets a reset: here that would count as a failure.
  (nest.getHttpServer() as Server).keepAliveTimeout = 600_000;
  const router =
    options.system === 'nestjs-replica'
      ? nest.get<DataSourceRouter>(getDataSourceRouterToken(), { strict: false })
      : undefined;
  const { port } = nest.getHttpServer().address() as { port: number };
  return { port, router, close: () => nest.close() };
}
