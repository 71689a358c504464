/**
 * An application that queries each new connection from a listener. Prints, as JSON, the process's warnings, and what was set where
 * statements ran.
 */
import { ReplicaDataSource } from 'nestjs-replica';
import type pg from 'pg';

const LISTENERS = {
  one: (client: pg.PoolClient) => client.query(`SET my.tenant = 'ann'`),
  'in turn': async (client: pg.PoolClient) => {
    await client.query(`SET my.tenant = 'bob'`);
    await client.query('SELECT 1');
    await client.query(`SET my.tenant = 'ann'`);
  },
  'one that fails': (client: pg.PoolClient) =>
    client.query('SELECT 1 / 0').catch(() => client.query(`SET my.tenant = 'ann'`)),
};

const { urls, listener } = JSON.parse(process.env.SCRIPT ?? '{}') as {
  urls: string[];
  listener: keyof typeof LISTENERS;
};
const warnings: string[] = [];
process.on('warning', ({ message }) => warnings.push(message));

const [primary = '', ...replicas] = urls;
const source = await new ReplicaDataSource({
  type: 'postgres',
  primary: { url: primary },
  replicas: replicas.map((url, index) => ({ name: `replica-${index + 1}`, url })),
  poolSize: 4,
  monitor: { intervalMs: 100, probeTimeoutMs: 5_000 },
}).initialize();
const { router } = source;
while (!router.topology().replicas.every(({ lagMs }) => lagMs === 0))
  await new Promise((resolve) => setTimeout(resolve, 5));

let connections = 0;
const { master } = source.driver as unknown as { master: pg.Pool };
master.on('connect', (client) => {
  connections++;
  void LISTENERS[listener](client);
});
const tenants = new Set<unknown>();
const nodes = new Set<string | null>();
router.on('statement', ({ node }) => nodes.add(node));
const read = async (): Promise<void> => {
  const rows = await source.query<{ tenant: unknown }[]>(
    `SELECT current_setting('my.tenant', true) AS tenant`,
  );
  for (const { tenant } of rows) tenants.add(tenant);
};
// Replicas have no connection before they are read from.
await router.runOnReplica({}, async () => {
  await Promise.all(Array.from({ length: 8 }, read));
  for (let n = 0; n < 20; n++) await read();
  await Promise.all(Array.from({ length: 8 }, read));
});
await source.destroy();
process.stdout.write(JSON.stringify({ warnings, tenants: [...tenants], nodes: [...nodes], connections }));
