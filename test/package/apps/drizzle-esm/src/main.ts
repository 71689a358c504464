// Runs the compiled program with plain Node.
import assert from 'node:assert/strict';
import { drizzle } from 'drizzle-orm/node-postgres';
import { integer, pgTable, text } from 'drizzle-orm/pg-core';
import { createRoutingPool } from 'nestjs-replica/pool';
import { startPostgresCluster } from 'nestjs-replica/testing';
import pg from 'pg';

const notes = pgTable('notes', { id: integer().primaryKey(), text: text().notNull() });

const cluster = await startPostgresCluster({ replicas: 1 });
try {
  await cluster.primary.query('CREATE TABLE notes (id int PRIMARY KEY, text text NOT NULL)');
  await cluster.waitForCatchUp();
  const pool = await createRoutingPool({
    primary: { url: cluster.primary.url },
    replicas: cluster.replicas.map(({ name, url }) => ({ name, url })),
    monitor: { intervalMs: 100 },
  });
  assert.ok(pool instanceof pg.Pool);
  const { router } = pool;
  const db = drizzle({ client: pool });
  const nodes: (string | null)[] = [];
  router.on('statement', ({ node }) => void nodes.push(node));
  const ann = { method: 'GET', sessionKey: 'ann' };
  await router.runRequest({ ...ann, method: 'POST' }, () => db.insert(notes).values({ id: 1, text: 'milk' }));
  const endMs = Date.now() + 20_000;
  do {
    assert.deepEqual(await router.runRequest(ann, () => db.select().from(notes)), [{ id: 1, text: 'milk' }]);
  } while (nodes.at(-1) === 'primary' && Date.now() < endMs);
  assert.equal(nodes.at(-1), 'replica-1');
  console.log(`INSERT on ${nodes[0]}, its own SELECT on ${nodes.at(-1)}`);
  await pool.end();
} finally {
  await cluster.stop();
}
