import { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { startPostgresCluster } from 'nestjs-replica/testing';
import { AppModule } from './app.module';

/** The application on a primary and two replicas of its own, listening on a free port. */
export async function start(): Promise<{ baseUrl: string; stop: () => Promise<void> }> {
  const cluster = await startPostgresCluster({ replicas: 2 });
  let app: INestApplication | undefined;
  const stop = async () => {
    await app?.close();
    await cluster.stop();
  };
  try {
    const urls = { primary: cluster.primary.url, replicas: cluster.replicas.map((replica) => replica.url) };
    app = await NestFactory.create(AppModule.on(urls), { logger: ['error', 'warn'], abortOnError: false });
    await app.listen(0, '127.0.0.1');
    return { baseUrl: await app.getUrl(), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
