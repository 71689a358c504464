import type { PostgresCluster } from 'nestjs-replica/testing';

/** A password of letters that mean something in URLs, in SQL, in headers and to `inspect()`. */
export const ODD_PASSWORD = `hunter2p@ss:w/o?r#d%25 "'\u00FC`;

/** The role `odd`, which may do everything, with that password; on all nodes. */
export async function createOddRole(cluster: PostgresCluster): Promise<void> {
  const [row] = await cluster.primary.query(
    `SELECT format('CREATE ROLE odd SUPERUSER LOGIN PASSWORD %L', $1::text) AS sql`,
    [ODD_PASSWORD],
  );
  await cluster.primary.query(String(row?.sql));
  await cluster.waitForCatchUp();
}
