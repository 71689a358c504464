import { type MiddlewareConsumer, Module, type NestModule } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import compress from '@fastify/compress';
import compression from 'compression';
import helmet from 'helmet';
import { cookieToken, fromHeader, headerToken, type ReplicaModuleOptions } from 'nestjs-replica';
import type { PostgresCluster } from 'nestjs-replica/testing';
import { AnswersController } from './answers.controller.js';
import { accountsOn } from '../../../support/app/start-app.js';
import { TestApp } from '../../../support/app/test-app.js';
import { SharedStore } from '../../../support/app/shared-store.js';
import { CapturedLogs } from '../../../support/app/captured-logs.js';

/** What wraps responses, and on which side of ours. */
export const WRAPPINGS = [
  'express',
  'express, compression before',
  'express, compression after',
  'fastify',
  'fastify, compressed',
  'fastify, HTTP/2',
] as const;
export type Wrapping = (typeof WRAPPINGS)[number];

const secrets = ['a secret of the test, 32 letters or more'];

/** Options for each way to keep a session. */
export const SESSIONS: Readonly<Record<string, () => Partial<ReplicaModuleOptions>>> = {
  'a slow store': () => ({
    session: { key: fromHeader('x-session'), store: new SharedStore({ delayMs: 20 }), timeoutMs: 5_000 },
  }),
  memory: () => ({ session: { key: fromHeader('x-session') } }),
  'a cookie': () => ({ session: { token: cookieToken(), secrets } }),
  'a header': () => ({ session: { token: headerToken(), secrets } }),
  time: () => ({ session: { key: fromHeader('x-session') }, sticky: { mode: 'time', windowMs: 60_000 } }),
  none: () => ({ session: {} }),
};

@Module({})
class CompressionModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(compression({ threshold: 0 })).forRoutes('{*path}');
  }
}

export async function startAnsweringApp(
  cluster: PostgresCluster,
  wrapping: Wrapping,
  options: Partial<ReplicaModuleOptions>,
): Promise<TestApp> {
  const isAfter = wrapping === 'express, compression after';
  // Replay may be paused for as long as the tests of one application take: its replicas stay in rotation.
  const settings = { maxLagMs: 120_000, ...options, session: { ttlMs: 130_000, ...options.session } };
  const module = await Test.createTestingModule({
    imports: [...accountsOn(cluster, settings), ...(isAfter ? [CompressionModule] : [])],
    controllers: [AnswersController],
  })
    .setLogger(new CapturedLogs())
    .compile();
  const nest = wrapping.startsWith('fastify')
    ? module.createNestApplication(new FastifyAdapter({ http2: wrapping === 'fastify, HTTP/2' } as never))
    : module.createNestApplication();
  if (wrapping === 'fastify, compressed')
    await (nest as NestFastifyApplication).register(compress, { threshold: 0 });
  if (wrapping.startsWith('express')) nest.use(helmet());
  if (wrapping === 'express, compression before') nest.use(compression({ threshold: 0 }));
  await nest.listen(0, '127.0.0.1');
  const app = new TestApp(nest);
  await app.allUp();
  return app;
}
