import type { PostgresNode } from 'nestjs-replica/testing';
import type pg from 'pg';
import type { Connection } from '../../../libs/replica/src/execution/database.js';
import { NodePool } from '../../../libs/replica/src/execution/pools/node-pool.js';
import type { NodePoolOptions } from '../../../libs/replica/src/execution/pools/node-pool-options.js';
import { PostgresAccess } from '../../../libs/replica/src/postgres/node-access.js';
import { PostgresDatabase } from '../../../libs/replica/src/postgres/database.js';
import { until } from '../until.js';
import { importPg } from '../../../libs/replica/src/postgres/pg-module.js';

await importPg();

/** How the connections of a {@link lanePool} are known to the server. */
export const LANES_APPLICATION = 'lanes-under-test';

/** What a test may change of a {@link lanePool}. */
export interface LanePoolOptions extends Omit<NodePoolOptions, 'name' | 'address' | 'database' | 'access'> {
  readonly config: pg.PoolConfig;
  readonly onIdleError: (error: Error) => void;
}

/** A pool of connections to one node, with lanes unless `changes` say otherwise. */
export function lanePool(
  node: PostgresNode,
  { config, onIdleError = () => undefined, ...changes }: Partial<LanePoolOptions> = {},
): NodePool {
  const database = new PostgresDatabase({ connectTimeoutMs: 5_000, extra: {}, onIdleError });
  const access = new PostgresAccess({
    database,
    config: {
      connectionString: node.url,
      application_name: LANES_APPLICATION,
      max: 4,
      connectionTimeoutMillis: 5_000,
      ...config,
    },
    onIdleError,
  });
  return new NodePool({
    name: node.name,
    address: `${node.host}:${node.port}`,
    database,
    access,
    lanes: { prepare: { after: 3, perConnection: 10 } },
    nowMs: () => performance.now(),
    ...changes,
  });
}

/** Reads as the router does. */
export function read(pool: NodePool, query: string | object, values?: unknown[]): Promise<pg.QueryResult> {
  const text = typeof query === 'string' ? query : (query as { text: string }).text;
  const args = values === undefined ? [query] : [query, values];
  return pool.read({ text, args }) as Promise<unknown> as Promise<pg.QueryResult>;
}

/** Runs a statement on a connection of its own. */
export function run(pool: NodePool, text: string): Promise<pg.QueryResult> {
  return pool.run([text]) as Promise<unknown> as Promise<pg.QueryResult>;
}

/** The client of `pg` behind a connection that was checked out. */
export function clientOf(connection: Connection): pg.PoolClient {
  return connection as unknown as pg.PoolClient;
}

/**
 * Runs the text until it is known to be fast, one after the other: at least six times, and on a busy machine, where it may seem slow,
 * until it has left a lane. That is a connection which was not given back.
 */
export async function makeFast(pool: NodePool, text: string, values?: unknown[]): Promise<void> {
  for (let n = 0; n < 6; n++) await read(pool, text, values);
  await until(async () => {
    await read(pool, text, values);
    return pool.connectionPool.idle < pool.connectionPool.total;
  }, 'a fast read');
}

/** The server's processes that serve such a pool, with what each did last. */
export function backends(node: PostgresNode): Promise<{ pid: number; query: string; state: string }[]> {
  return node.query('SELECT pid, query, state FROM pg_stat_activity WHERE application_name = $1', [
    LANES_APPLICATION,
  ]);
}
