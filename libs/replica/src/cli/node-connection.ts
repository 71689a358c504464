import type { Connection, ConnectionPool, Database, PoolListener } from '../execution/database.js';
import type { ResolvedNode } from '../options/resolve-nodes.js';
import { inTime } from '../topology/in-time.js';

/** Runs a query of the command's own and returns its rows. */
export type Query = (sql: string) => Promise<readonly Record<string, unknown>[]>;

const nothing = (): void => undefined;

const UNHEARD: PoolListener = {
  made: nothing,
  identified: nothing,
  taken: nothing,
  returned: nothing,
  closed: nothing,
  answered: nothing,
  crashed: nothing,
};

interface ConnectionSource {
  readonly database: Database;
  readonly node: ResolvedNode;
  /** The longest time to connect, and for each statement; milliseconds. */
  readonly timeoutMs: number;
}

/**
 * Calls `work` with a connection to the node, and closes that whatever happens. It is made by the options of the application's own ones,
 * so it has their user, database and TLS. Rejects as `work` does, or if there is no connection in time.
 */
export async function withConnection<T>(
  { database, node, timeoutMs }: ConnectionSource,
  work: (query: Query) => Promise<T>,
): Promise<T> {
  const own = { size: 1, connectTimeoutMs: timeoutMs, applicationName: 'nestjs-replica cli' };
  const access = database.openNode({ ...node, pool: { ...node.pool, ...own } }, { onIdleError: nothing });
  const pool = access.openPool(UNHEARD);
  try {
    const connection = await take(pool).catch((error: unknown) => {
      // Nobody else takes connections of this pool, so it is the server that does not answer.
      throw database.errors.isPoolTimeout(error) ? new Error(`no answer within ${timeoutMs} ms`) : error;
    });
    const query: Query = async (sql) => {
      const answer = inTime(database.run(connection, [sql]), timeoutMs, () => {
        database.cut(connection);
        throw new Error(`no answer within ${timeoutMs} ms`);
      });
      return database.rowsOf(await answer);
    };
    try {
      return await work(query);
    } finally {
      database.release(connection, new Error('closed: nobody needs it any more'));
    }
  } finally {
    await pool.end();
  }
}

function take(pool: ConnectionPool): Promise<Connection> {
  return new Promise((resolve, reject) => {
    pool.take((error, connection) => (connection === undefined ? reject(error) : resolve(connection)));
  });
}
