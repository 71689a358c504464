import type { NestExpressApplication } from '@nestjs/platform-express';
import { replicaOptionsFromEnv } from 'nestjs-replica';
import type { DemoDatabase } from './demo-database.js';
import { startDemoCluster } from './start-demo-cluster.js';

/** The shop, connected to its database. It does not listen yet. */
export interface Shop {
  readonly app: NestExpressApplication;
  /** Closes it, and its own cluster if it has one. */
  readonly stop: () => Promise<void>;
}

/** Opens the shop on the database of `DATABASE_URL`, else on a cluster of its own. */
export async function openShop(database?: DemoDatabase): Promise<Shop> {
  const cluster = process.env.DATABASE_URL ? undefined : await startDemoCluster(database);
  Object.assign(process.env, cluster?.env);
  const options = replicaOptionsFromEnv();
  const nodes = cluster?.named(options) ?? options;
  // The types of the entities' columns depend on the database, so they are loaded when it is known.
  const { prepareDatabase } = await import('../database/prepare-database.js');
  const { createApp } = await import('../create-app.js');
  await prepareDatabase(nodes, console.log);
  // Any replica may serve a new visitor, so all of them should have the tables by now.
  await cluster?.waitForCatchUp();

  const app = await createApp(nodes, cluster?.replicas);
  return {
    app,
    stop: async () => {
      // In this order, no request lacks its database and no connection its server.
      await app.close();
      await cluster?.stop();
    },
  };
}

/** Where it listens. */
export function urlOf(app: NestExpressApplication): string {
  const address = app.getHttpServer().address();
  return `http://localhost:${typeof address === 'object' ? address?.port : address}`;
}
