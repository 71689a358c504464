import { NodePool } from '../../libs/replica/src/postgres/node-pool.js';
import type { NodePoolOptions } from '../../libs/replica/src/postgres/node-pool-options.js';
import type { PostgresNode } from 'nestjs-replica/testing';
import type pg from 'pg';
import { until } from './test-app.js';

/** How the connections of a {@link lanePool} are known to the server. */
export const LANES_APPLICATION = 'lanes-under-test';

/** A pool of connections to one node, with lanes unless `changes` say otherwise. */
export function lanePool(
  node: PostgresNode,
  { config, ...changes }: Partial<NodePoolOptions> = {},
): NodePool {
  return new NodePool({
    name: node.name,
    address: `${node.host}:${node.port}`,
    config: {
      connectionString: node.url,
      application_name: LANES_APPLICATION,
      max: 4,
      connectionTimeoutMillis: 5_000,
      ...config,
    },
    onIdleError: () => undefined,
    lanes: { prepare: { after: 3, perConnection: 10 } },
    nowMs: () => performance.now(),
    ...changes,
  });
}

/** Reads as the router does. */
export function read(pool: NodePool, text: string, values?: unknown[]): Promise<pg.QueryResult> {
  return pool.read(values === undefined ? [text] : [text, values], text);
}

/**
 * Runs the text until it is known to be fast, one after the other: at least six times, and on a busy machine, where it may seem slow,
 * until it has left a lane. That is a connection which was not given back.
 */
export async function makeFast(pool: NodePool, text: string, values?: unknown[]): Promise<void> {
  for (let n = 0; n < 6; n++) await read(pool, text, values);
  await until(async () => {
    await read(pool, text, values);
    return pool.behind.idleCount < pool.behind.totalCount;
  }, 'a fast read');
}

/** The server's processes that serve such a pool, with what each did last. */
export function backends(node: PostgresNode): Promise<{ pid: number; query: string; state: string }[]> {
  return node.query('SELECT pid, query, state FROM pg_stat_activity WHERE application_name = $1', [
    LANES_APPLICATION,
  ]);
}
