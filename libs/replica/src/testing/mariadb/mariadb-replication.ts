import { NodeStateError } from '../cluster.error.js';
import { ServerEndpoint } from '../node-server.js';
import { ReplayProgress, Replication, RunQuery, StreamState } from '../replication.js';
import { withConnection } from './mariadb-connection.js';
import { MariadbServer, SUPERUSER } from './mariadb-server.js';

/** How long a promoted replica may replay what it has received; seconds. */
const REPLAY_TIMEOUT_S = 60;

/** What a primary says to a replica that has what it does not have. */
const POSITION_NOT_FOUND = 1236;

/** The columns of SHOW SLAVE STATUS that are read. Privilege: SLAVE MONITOR. */
interface ReplicaStatus {
  readonly Master_Host: string;
  readonly Master_Port: number;
  /** Empty until the upstream has accepted the replica's position. */
  readonly Master_Log_File: string;
  readonly Slave_IO_Running: 'Yes' | 'No' | 'Preparing' | 'Connecting';
  readonly Slave_SQL_Running: 'Yes' | 'No';
  readonly Last_IO_Errno: number;
  readonly Last_SQL_Errno: number;
  readonly Last_SQL_Error: string;
  /** What has been received as a whole. */
  readonly Gtid_IO_Pos: string;
}

/** Replication of MariaDB by GTID. */
export function mariadbReplication<Server extends MariadbServer>(): Replication<Server> {
  return {
    withConnection,
    pauseReplay: ({ address }) => run(address, 'STOP SLAVE SQL_THREAD'),
    resumeReplay: ({ address }) => run(address, 'START SLAVE SQL_THREAD'),
    isPaused: async ({ address }) => (await withConnection(address, readStatus))?.Slave_SQL_Running === 'No',
    promote,
    async repoint(server, upstream, wasPrimary) {
      server.isReadOnly = true;
      await server.start();
      await run(server.address, 'SET GLOBAL read_only = 1; STOP SLAVE');
      if (wasPrimary) await run(server.address, 'SET GLOBAL gtid_slave_pos = @@gtid_current_pos');
      await replicate(server, upstream);
      return true;
    },
    /** It replays the whole history of `upstream`, which has all of it in its binary log. */
    async copy(server, upstream) {
      server.isReadOnly = true;
      await server.renew();
      await server.start();
      await replicate(server, upstream);
    },
    streamState,
    async readWritten(primary) {
      const [row] = await primary<{ position: string }>('SELECT @@gtid_binlog_pos AS position');
      return row?.position ?? '';
    },
    readReplayed,
  };
}

/** Makes a server, whose own replication is stopped, receive from `upstream` and replay. */
export async function replicate(server: MariadbServer, upstream: MariadbServer): Promise<void> {
  const { host, port } = upstream.replicationEndpoint;
  await run(
    server.address,
    `CHANGE MASTER TO MASTER_HOST = '${host}', MASTER_PORT = ${port}, MASTER_USER = '${SUPERUSER}',
       MASTER_PASSWORD = '${upstream.address.password}', MASTER_CONNECT_RETRY = 1, MASTER_HEARTBEAT_PERIOD = 1,
       MASTER_USE_GTID = slave_pos;
     START SLAVE`,
  );
}

/** Resolves when a server that has just started replays, if it is a replica: it tells of its replay only then. */
export async function waitForReplayStart({ address }: MariadbServer): Promise<void> {
  await withConnection(address, async (query) => {
    if (await readStatus(query)) await query('START SLAVE SQL_THREAD');
  });
}

async function run(address: MariadbServer['address'], sql: string): Promise<void> {
  await withConnection(address, (query) => query(sql));
}

async function readStatus(query: RunQuery): Promise<ReplicaStatus | undefined> {
  const [status] = await query<ReplicaStatus>('SHOW SLAVE STATUS');
  return status;
}

async function promote(replica: MariadbServer): Promise<void> {
  await withConnection(replica.address, async (query) => {
    // Once neither thread runs, the next start forgets what was received.
    await query('START SLAVE SQL_THREAD; STOP SLAVE IO_THREAD');
    const received = (await readStatus(query))?.Gtid_IO_Pos ?? '';
    const [row] = await query<{ outcome: number }>(
      `SELECT MASTER_GTID_WAIT(?, ${REPLAY_TIMEOUT_S}) AS outcome`,
      [received],
    );
    if (row?.outcome !== 0) {
      const reason = `the server did not replay ${received} within ${REPLAY_TIMEOUT_S} s`;
      throw new NodeStateError(replica.name, 'promote', reason);
    }
    await query('STOP SLAVE; RESET SLAVE ALL; SET GLOBAL read_only = 0');
    replica.isReadOnly = false;
  });
}

async function streamState(
  replica: RunQuery,
  _upstream: RunQuery,
  endpoint: ServerEndpoint,
): Promise<StreamState> {
  const status = await readStatus(replica);
  if (status?.Master_Host !== endpoint.host || status.Master_Port !== endpoint.port) return 'not yet';
  if (status.Last_IO_Errno === POSITION_NOT_FOUND) return 'never';
  return status.Slave_IO_Running === 'Yes' && status.Master_Log_File !== '' ? 'streaming' : 'not yet';
}

/** @throws Error when the replica cannot replay what it has received */
async function readReplayed(replica: RunQuery, target: string): Promise<ReplayProgress> {
  const [row] = await replica<{ reached: string; outcome: number }>(
    'SELECT MASTER_GTID_WAIT(?, 0) AS outcome, @@GLOBAL.gtid_slave_pos AS reached',
    [target],
  );
  const { reached, outcome } = row ?? { reached: '', outcome: -1 };
  if (outcome === 0) return { reached, isOver: true };
  const status = await readStatus(replica);
  if (status && status.Last_SQL_Errno !== 0) throw new Error(status.Last_SQL_Error);
  return { reached, isOver: status?.Slave_SQL_Running !== 'Yes' };
}
