import { ClassSerializerInterceptor, ValidationPipe } from '@nestjs/common';
import { NestFactory, Reflector } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import cookieParser from 'cookie-parser';
import type { OptionsFromEnv } from 'nestjs-replica';
import type { DatabaseNode } from 'nestjs-replica/testing';
import { AppModule } from './app.module.js';
import { assignSession } from './session/assign-session.middleware.js';

/**
 * Makes the shop on the given database nodes. It is connected, but does not listen yet.
 * @param ownReplicas those of the demo's own cluster, which may be paused and killed
 */
export async function createApp(
  nodes: OptionsFromEnv,
  ownReplicas?: readonly DatabaseNode[],
): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule.forRoot(nodes, ownReplicas), {
    logger: ['fatal', 'error', 'warn'],
    abortOnError: false,
    // Otherwise a browser that keeps its connection open would delay Ctrl-C.
    forceCloseConnections: true,
  });
  // use() runs it before all middleware of modules, so a visitor's very first request belongs to the session, too.
  app.use(cookieParser(), assignSession);
  app.useGlobalPipes(new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true }));
  app.useGlobalInterceptors(new ClassSerializerInterceptor(app.get(Reflector)));
  return app;
}
