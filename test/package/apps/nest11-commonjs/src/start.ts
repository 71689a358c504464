import { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  MariadbCluster,
  PostgresCluster,
  startMariadbCluster,
  startPostgresCluster,
} from 'nestjs-replica/testing';
import { AppModule } from './app.module';

const STARTS = { postgres: startPostgresCluster, mariadb: startMariadbCluster };

export type Database = keyof typeof STARTS;

export interface Started {
  readonly baseUrl: string;
  readonly cluster: PostgresCluster | MariadbCluster;
  stop(): Promise<void>;
}

/** The application on a primary and two replicas of its own, listening on a free port. */
export async function start(database: Database = 'postgres'): Promise<Started> {
  const cluster = await STARTS[database]({ replicas: 2 });
  let app: INestApplication | undefined;
  const stop = async () => {
    await app?.close();
    await cluster.stop();
  };
  try {
    app = await NestFactory.create(AppModule.on(cluster, database), {
      logger: ['error', 'warn'],
      abortOnError: false,
    });
    await app.listen(0, '127.0.0.1');
    return { baseUrl: await app.getUrl(), cluster, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
