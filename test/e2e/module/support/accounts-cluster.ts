import { startPostgresCluster, type PostgresCluster } from 'nestjs-replica/testing';
import { TRANSCRIPT_SETTINGS } from '../../../support/transcript.js';

/** A cluster with `count` accounts of balance 0, on all nodes. */
export async function startAccountsCluster({ replicas = 2, count = 100 } = {}): Promise<PostgresCluster> {
  const cluster = await startPostgresCluster({ replicas, settings: TRANSCRIPT_SETTINGS });
  await cluster.primary.query(
    `CREATE TABLE account (id serial PRIMARY KEY, owner varchar NOT NULL, balance int NOT NULL DEFAULT 0)`,
  );
  await cluster.primary.query(
    `CREATE TABLE entry (id serial PRIMARY KEY, amount int NOT NULL, "accountId" int REFERENCES account)`,
  );
  await cluster.primary.query(
    `INSERT INTO account (owner) SELECT 'owner-' || n FROM generate_series(1, $1::int) n`,
    [count],
  );
  await cluster.waitForCatchUp();
  return cluster;
}

/** Does the work while no replica replays; afterwards all have caught up again. */
export async function whilePaused<T>(cluster: PostgresCluster, work: () => Promise<T>): Promise<T> {
  await Promise.all(cluster.replicas.map((node) => node.pauseReplay()));
  try {
    return await work();
  } finally {
    await Promise.all(cluster.replicas.map((node) => node.resumeReplay()));
    await cluster.waitForCatchUp();
  }
}
