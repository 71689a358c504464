import type { ConnectionOptions } from 'mysql2';
import { suspectsIn, withholdMessage } from '../options/discreet-error.js';
import { inTime } from '../topology/in-time.js';
import { MysqlConnection, type ConnectionRole } from './connection.js';
import { MYSQL_ERRORS } from './error-kinds.js';
import { flavorOf, READ_ONLY_SQL, SET_UP_MARK, type Flavor } from './flavor.js';
import { askForColumnsOnce } from './lanes/columns-once.js';
import { mysql2Module } from './mysql2-module.js';

/** How to open the connections of a node. */
export interface ConnectionSource {
  /** A new object for each connection, because `mysql2` writes into it. */
  readonly config: () => ConnectionOptions;
  /** The longest time that opening a connection may take; milliseconds. */
  readonly timeoutMs: number;
  /** How long the server lets a statement run, in milliseconds; `undefined`: as long as its own settings say. */
  readonly statementMs?: number;
  /** Finds a connection to one server behind an endpoint, in place of making one. Absent: each connection leads to the node. */
  readonly open?: (timeoutMs: number) => Promise<MysqlConnection>;
}

/** What `mysql2` emits once a connection is open. */
interface Greeting {
  readonly serverVersion: string;
}

/** Opens a connection that is not set up for any role yet. Rejects with the driver's error, which repeats no possible password. */
export async function openConnection({
  config,
  timeoutMs,
  open,
}: ConnectionSource): Promise<MysqlConnection> {
  if (open !== undefined) return open(timeoutMs);
  const options = config();
  try {
    return await connect({ ...options, connectTimeout: timeoutMs });
  } catch (error) {
    throw withholdMessage(error, suspectsIn(options));
  }
}

function connect(options: ConnectionOptions): Promise<MysqlConnection> {
  return new Promise((resolve, reject) => {
    const connection = mysql2Module().createConnection(options);
    askForColumnsOnce(connection);
    // An error without a listener would end the process.
    connection.on('error', reject);
    connection.on('connect', (greeting: Greeting) =>
      resolve(new MysqlConnection(connection, flavorOf(greeting.serverVersion))),
    );
  });
}

/** Sets a new connection up for its role. Rejects if the connection is lost, or could write although it must not. */
export async function setUpFor(
  role: ConnectionRole,
  connection: MysqlConnection,
  { statementMs }: Pick<ConnectionSource, 'statementMs'> = {},
): Promise<void> {
  const { flavor } = connection;
  if (statementMs !== undefined)
    await connection.rows(`${SET_UP_MARK} SET SESSION ${flavor.limitSql(statementMs)}`);
  if (role === 'replica') await connection.rows(READ_ONLY_SQL);
  else connection.tellsPositions = await track(connection, flavor);
  connection.role = role;
}

/** Lets the session's answers tell positions. Returns whether they do; without them the monitor is asked. */
async function track(connection: MysqlConnection, { trackSql }: Flavor): Promise<boolean> {
  try {
    await connection.rows(`${SET_UP_MARK} SET SESSION ${trackSql}`);
    return true;
  } catch (error) {
    if (MYSQL_ERRORS.isConnectionLoss(error)) throw error;
    return false;
  }
}

/** Settles like `work`. After `timeoutMs` milliseconds it cuts the connection and rejects. */
export function inTimeOrCut<T>(connection: MysqlConnection, timeoutMs: number, work: Promise<T>): Promise<T> {
  return inTime(work, timeoutMs, () => {
    connection.cut();
    throw MYSQL_ERRORS.connectionLost(`no answer within ${timeoutMs} ms`);
  });
}
