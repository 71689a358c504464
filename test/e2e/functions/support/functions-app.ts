/** An application whose functions do what the test says over IPC: `{ point, fault }` from now on, `{}` nothing any more. */
import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import {
  Controller,
  Get,
  Injectable,
  type LoggerService,
  Module,
  Param,
  ParseIntPipe,
  Post,
  type ExecutionContext,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  fromHeader,
  getDataSourceRouterToken,
  headerToken,
  MemorySessionStore,
  ReplicaModule,
  WithToken,
  type BalancerFunction,
  type DataSourceRouter,
  type SessionState,
  type SessionStore,
} from 'nestjs-replica';
import { DataSource, type Logger } from 'typeorm';
import { FAULTS_OF_FUNCTIONS } from '../../../support/faults-of-functions.js';

interface AppSettings {
  readonly platform: 'express' | 'fastify';
  readonly sessions: 'store' | 'announcing' | 'token';
  readonly nodes: readonly { readonly name: string; readonly url: string }[];
}

const settings = JSON.parse(process.env.APP_SETTINGS ?? '{}') as AppSettings;
let armed: { readonly point?: string; readonly fault?: string } = {};

/** The function, or what the test wants in its place, where `meets` says that it is about the victim. */
function faulty<Args extends unknown[], Result>(
  point: string,
  right: (...args: Args) => Result,
  // oxlint-disable-next-line typescript/no-explicit-any -- whatever the function is asked about
  meets: (subject: any) => boolean = () => true,
): (...args: Args) => Result {
  return (...args) => {
    if (armed.point !== point || !meets(args[0])) return right(...args);
    return FAULTS_OF_FUNCTIONS[armed.fault ?? '']?.() as Result;
  };
}

function isVictims(context: ExecutionContext): boolean {
  return fromHeader('x-session')(context) === 'victim';
}

const memory = new MemorySessionStore();
const isVictimsKey = (key: string): boolean => key === 'victim';
const store: SessionStore = {
  load: faulty('store.load', (key) => memory.load(key), isVictimsKey),
  save: faulty('store.save', (key, state, ttlMs) => memory.save(key, state, ttlMs), isVictimsKey),
};
if (settings.sessions === 'announcing') {
  store.announce = faulty(
    'store.announce',
    (key, hurry) => {
      const save = memory.announce(key, hurry);
      return faulty(
        'the announced save',
        (state: SessionState, ttlMs: number) => save(state, ttlMs),
        () => isVictimsKey(key),
      );
    },
    isVictimsKey,
  );
}

const token = headerToken();
const session =
  settings.sessions === 'token'
    ? {
        token: {
          read: faulty('token.read', (context: ExecutionContext) => token.read(context), isVictims),
          write: faulty(
            'token.write',
            (context: ExecutionContext, text: string, maxAgeMs: number) =>
              token.write(context, text, maxAgeMs),
            isVictims,
          ),
        },
        secrets: ['a secret of the test, 32 letters or more'],
      }
    : { key: faulty('session.key', fromHeader('x-session'), isVictims), store, timeoutMs: 100 };

const quiet: Logger & LoggerService = {
  log: faulty('logger', () => undefined),
  error: faulty('logger', () => undefined),
  warn: faulty('logger', () => undefined),
  logQuery: () => undefined,
  logQueryError: () => undefined,
  logQuerySlow: () => undefined,
  logSchemaBuild: () => undefined,
  logMigration: () => undefined,
};

@Injectable()
class Jobs {
  constructor(private readonly dataSource: DataSource) {}

  @WithToken(faulty('tokenOf', (job: { token?: string }) => job.token))
  async process(_job: { token?: string }): Promise<unknown> {
    return this.dataSource.query('SELECT 1');
  }
}

@Controller()
class AccountsController {
  constructor(
    private readonly dataSource: DataSource,
    private readonly jobs: Jobs,
  ) {}

  @Get('accounts/:id')
  one(@Param('id', ParseIntPipe) id: number): Promise<unknown> {
    return this.dataSource.query('SELECT balance FROM account WHERE id = $1', [id]);
  }

  @Get('entries')
  entries(): Promise<unknown> {
    return this.dataSource.query('SELECT * FROM entry');
  }

  @Post('accounts/:id/add')
  async add(@Param('id', ParseIntPipe) id: number): Promise<unknown> {
    return this.dataSource.query('UPDATE account SET balance = balance + 1 WHERE id = $1', [id]);
  }

  @Post('jobs')
  job(): Promise<unknown> {
    return this.jobs.process({});
  }
}

const [primary, ...replicas] = settings.nodes;

@Module({
  imports: [
    ReplicaModule.forRoot({
      type: 'postgres',
      primary,
      replicas,
      session,
      logger: quiet,
      retryAttempts: 1,
      monitor: {
        intervalMs: 50,
        probe: faulty(
          'monitor.probe',
          () => true,
          ({ name }) => name === 'replica-1',
        ),
      },
      balancer: faulty<Parameters<BalancerFunction>, string>('balancer', (nodes) => nodes[0]?.name ?? ''),
      route: faulty(
        'route',
        () => undefined,
        ({ tables }) => tables?.includes('entry') === true,
      ),
    }),
  ],
  controllers: [AccountsController],
  providers: [Jobs],
})
class AppModule {}

async function main(): Promise<void> {
  for (const event of ['uncaughtException', 'unhandledRejection'] as const)
    process.on(event, (error) => process.send?.({ event, error: String(error?.stack ?? 'not known') }));
  const app =
    settings.platform === 'fastify'
      ? await NestFactory.create(AppModule, new FastifyAdapter(), { logger: quiet })
      : await NestFactory.create(AppModule, { logger: quiet });
  const router = app.get<DataSourceRouter>(getDataSourceRouterToken());
  router.on(
    'statement',
    faulty('a listener', () => undefined),
  );
  router.on(
    'node:down',
    faulty('a listener', () => undefined),
  );
  process.on('message', (message: typeof armed) => {
    armed = message;
    process.send?.({ armed: true });
  });
  process.on('disconnect', () => void app.close());
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  process.send?.({ port });
}

void main();
