import { NodeAddress } from '../database-cluster.js';
import { loadDriver } from '../load-driver.js';
import { RunQuery } from '../replication.js';
import { DATABASE, SUPERUSER } from './mariadb-server.js';

/** How long opening a connection may take; milliseconds. A hung node accepts none. */
const CONNECT_TIMEOUT_MS = 10_000;

/** @throws ClusterBackendUnavailableError when mysql2 is not installed */
export async function loadMysql2(): Promise<typeof import('mysql2/promise')> {
  return await loadDriver('mysql2', () => import('mysql2/promise'));
}

/** Gives `work` a connection of the superuser to the node, and closes it whatever happens. */
export async function withConnection<Result>(
  { host, port, password }: Omit<NodeAddress, 'url'>,
  work: (query: RunQuery) => Promise<Result>,
): Promise<Result> {
  const { createConnection } = await loadMysql2();
  const connection = await createConnection({
    host,
    port,
    user: SUPERUSER,
    password,
    database: DATABASE,
    connectTimeout: CONNECT_TIMEOUT_MS,
    connectAttributes: { program_name: 'test-cluster' },
    multipleStatements: true,
    supportBigNumbers: true,
  });
  // A killed node also breaks the idle connection. The query in flight reports that.
  connection.on('error', () => {});
  try {
    return await work(async <Row extends object>(sql: string, params: readonly unknown[] = []) => {
      const [answer] = await connection.query(sql, [...params]);
      return rowsOf(answer) as Row[];
    });
  } finally {
    await connection.end().catch(() => connection.destroy());
  }
}

/** The rows of an answer; of several statements those of the last one. A statement without rows has none. */
function rowsOf(answer: unknown): unknown[] {
  if (!Array.isArray(answer)) return [];
  const last: unknown = answer.at(-1);
  const isOfSeveral = Array.isArray(last) || last?.constructor.name === 'ResultSetHeader';
  return isOfSeveral ? rowsOf(last) : answer;
}
