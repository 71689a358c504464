import { replicaOptionsFromEnv } from 'nestjs-replica';
import { demoDatabase } from './demo/demo-database.js';
import { printWhatToTry } from './demo/print-what-to-try.js';
import { startDemoCluster } from './demo/start-demo-cluster.js';
import { stopOnSignal } from './demo/stop-on-signal.js';

async function main(): Promise<void> {
  const database = demoDatabase(process.argv.slice(2));
  const cluster = process.env.DATABASE_URL ? undefined : await startDemoCluster(database);
  Object.assign(process.env, cluster?.env);
  const nodes = replicaOptionsFromEnv();
  // The types of the entities' columns depend on the database, so they are loaded when it is known.
  const { prepareDatabase } = await import('./database/prepare-database.js');
  const { createApp } = await import('./create-app.js');
  await prepareDatabase(nodes, console.log);
  // Any replica may serve a new visitor, so all of them should have the tables by now.
  await cluster?.waitForCatchUp();

  const app = await createApp(nodes);
  stopOnSignal(async () => {
    // In this order, no request lacks its database and no connection its server.
    await app.close();
    await cluster?.stop();
  });
  await app.listen(Number(process.env.PORT || 3000));
  printWhatToTry(app);
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  // The demo's own cluster ends with this process.
  process.exit(1);
}
