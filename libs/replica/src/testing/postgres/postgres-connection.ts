import { NodeAddress } from '../database-cluster.js';
import { loadDriver } from '../load-driver.js';
import { RunQuery } from '../replication.js';

/** How long opening a connection may take; milliseconds. A hung node accepts none. */
const CONNECT_TIMEOUT_MS = 10_000;

/** Gives `work` a connection to the node, and closes it whatever happens. */
export async function withConnection<Result>(
  { host, port, database, username, password }: Omit<NodeAddress, 'url'>,
  work: (query: RunQuery) => Promise<Result>,
): Promise<Result> {
  // Versions of pg before 8.15 have no named exports for ES modules.
  const { Client } = (await loadDriver('pg', () => import('pg'))).default;
  const client = new Client({
    host,
    port,
    database,
    user: username,
    password,
    application_name: 'test-cluster',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    // Else the process's PGSSLMODE would decide.
    ssl: false,
  });
  // A killed node also breaks the idle connection. The query in flight reports that.
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(async (sql, params = []) => (await client.query(sql, [...params])).rows);
  } finally {
    await client.end();
  }
}

/** What a standby says when it ends a statement that kept it from replaying. */
const CONFLICT = '40001';

/**
 * Asks once more if a standby ended the statement so that it could replay. It does that at once if replay was paused for longer
 * than `max_standby_streaming_delay`.
 */
export async function despiteConflicts<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if ((error as { code?: unknown } | null)?.code !== CONFLICT) throw error;
    }
  }
}
