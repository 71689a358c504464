import { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { PostgresCluster, startPostgresCluster } from 'nestjs-replica/testing';
import { AppModule } from './app.module';

export interface Started {
  readonly baseUrl: string;
  readonly cluster: PostgresCluster;
  stop(): Promise<void>;
}

/** The application on a primary and two replicas of its own, listening on a free port. */
export async function start(): Promise<Started> {
  const cluster = await startPostgresCluster({ replicas: 2 });
  let app: INestApplication | undefined;
  const stop = async () => {
    await app?.close();
    await cluster.stop();
  };
  try {
    app = await NestFactory.create(AppModule.on(cluster), { logger: ['error', 'warn'], abortOnError: false });
    await app.listen(0, '127.0.0.1');
    return { baseUrl: await app.getUrl(), cluster, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
