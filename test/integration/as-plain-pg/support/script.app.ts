/** A script that forgets to close its data source; prints what it did. */
import { ReplicaDataSource } from 'nestjs-replica';

const { urls, extra } = JSON.parse(process.env.SCRIPT ?? '{}') as { urls: string[]; extra: object };
const [primary = '', ...replicas] = urls;
const source = await new ReplicaDataSource({
  type: 'postgres',
  primary: { url: primary },
  replicas: replicas.map((url) => ({ url })),
  extra,
}).initialize();
await source.query('CREATE TABLE IF NOT EXISTS done (n int)');
const token = await source.router.runOnReplica({}, async () => {
  await source.query('INSERT INTO done VALUES (1)');
  for (let n = 0; n < 20; n++) await source.query('SELECT count(*) FROM done');
  return source.router.currentToken();
});
// Nothing but the monitor is at work while it waits.
const isThere = await source.router.waitForToken(token, { timeoutMs: 20_000 });
process.stdout.write(isThere ? 'done' : 'late');
