import type { INestApplication, ModuleMetadata, Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { getRepositoryToken, TypeOrmModule } from '@nestjs/typeorm';
import {
  fromHeader,
  getDataSourceRouterToken,
  ReplicaModule,
  type DataSourceRouter,
  type ReplicaModuleOptions,
} from 'nestjs-replica';
import type { PostgresCluster } from 'nestjs-replica/testing';
import request from 'supertest';
import { DataSource, type Repository } from 'typeorm';
import { Account, Entry } from './accounts.js';
import { APPLICATION } from './transcript.js';
import { engineOf } from '../../libs/replica/src/typeorm/data-source-router.js';

/**
 * Options for a cluster: quick monitor, session by header, answers say who gave them. No replica leaves the rotation
 * because the machine is busy: probes may take long, and so may replay while it is paused.
 */
export function optionsFor(
  cluster: PostgresCluster,
  changes: Partial<ReplicaModuleOptions> = {},
): ReplicaModuleOptions {
  return {
    type: 'postgres',
    primary: { url: cluster.primary.url },
    replicas: cluster.replicas.map(({ name, url }) => ({ name, url })),
    entities: [Account, Entry],
    applicationName: APPLICATION,
    setHeaders: true,
    retryAttempts: 1,
    session: { key: fromHeader('x-session') },
    // What a session remembers has to outlast the lag; who sets the one means the default of the other.
    ...(changes.session?.ttlMs === undefined ? { maxLagMs: 25_000 } : {}),
    ...changes,
    monitor: { intervalMs: 100, probeTimeoutMs: 5_000, ...changes.monitor },
  };
}

/** A running application over real HTTP. */
export class TestApp {
  readonly nest: INestApplication;

  constructor(nest: INestApplication) {
    this.nest = nest;
  }

  get router(): DataSourceRouter {
    return this.nest.get<DataSourceRouter>(getDataSourceRouterToken());
  }

  get dataSource(): DataSource {
    return this.nest.get(DataSource);
  }

  get accounts(): Repository<Account> {
    return this.nest.get(getRepositoryToken(Account));
  }

  /** A request, of a session where one is named. */
  async call(method: 'get' | 'post' | 'patch' | 'delete', path: string, session?: string): Promise<Answer> {
    const call = request(this.nest.getHttpServer())[method](path);
    if (session !== undefined) call.set('x-session', session);
    const response = await call;
    return {
      status: response.status,
      body: response.body,
      nodes: splitHeader(response.headers['x-replica-node']),
      reasons: splitHeader(response.headers['x-replica-reason']),
    };
  }

  get(path: string, session?: string): Promise<Answer> {
    return this.call('get', path, session);
  }

  post(path: string, session?: string): Promise<Answer> {
    return this.call('post', path, session);
  }

  /** Repeats a GET until it is answered by a node that passes; fails after 60 s. */
  async getUntil(
    path: string,
    session: string | undefined,
    passes: (answer: Answer) => boolean,
  ): Promise<Answer> {
    const deadline = Date.now() + 60_000;
    for (;;) {
      const answer = await this.get(path, session);
      if (passes(answer)) return answer;
      if (Date.now() > deadline) throw new Error(`still ${JSON.stringify(answer)} after 60 s`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Resolves when all nodes serve. */
  async allUp(): Promise<void> {
    await until(
      () =>
        [this.router.topology().primary, ...this.router.topology().replicas].every(
          ({ health, lagMs }) => health === 'up' && lagMs !== null,
        ),
      'the health of all nodes',
    );
  }

  async close(): Promise<void> {
    await this.nest.close();
  }
}

/** What an answer said, and who gave it. */
export interface Answer {
  readonly status: number;
  // eslint-disable-next-line -- bodies are what each test expects
  readonly body: any;
  readonly nodes: string[];
  readonly reasons: string[];
}

function splitHeader(value: string | undefined): string[] {
  return value === undefined ? [] : value.split(',');
}

/** Starts an application with these controllers on the cluster, and waits until all nodes serve. */
export async function startApp(
  cluster: PostgresCluster,
  controllers: Type[],
  changes: Partial<ReplicaModuleOptions> = {},
  others: ModuleMetadata = {},
): Promise<TestApp> {
  const module = await Test.createTestingModule({
    imports: [
      ReplicaModule.forRoot(optionsFor(cluster, changes)),
      TypeOrmModule.forFeature([Account, Entry]),
      ...(others.imports ?? []),
    ],
    controllers,
    providers: others.providers,
  }).compile();
  const nest = module.createNestApplication();
  await nest.listen(0, '127.0.0.1').catch(async (error: unknown) => {
    await nest.close();
    throw error;
  });
  const app = new TestApp(nest);
  if (engineOf(app.router).hasReplicas) await app.allUp();
  return app;
}

/** Waits for a condition that some event brings about; fails after 60 s. */
export async function until(holds: () => boolean | Promise<boolean>, what = 'the condition'): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`${what} did not come about within 60 s`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
