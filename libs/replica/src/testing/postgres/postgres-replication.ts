import { NodeStateError } from '../cluster.error.js';
import { Replication } from '../replication.js';
import { waitUntil } from '../wait-until.js';
import { despiteConflicts, withConnection } from './postgres-connection.js';
import { PostgresServer } from './postgres-server.js';
import { readPauseState, readReplayed, readStreamState, readWritten } from './replication-state.js';

const REPLAY_TIMEOUT_MS = 30_000;
const PROMOTE_TIMEOUT_S = 60;

/** Streaming replication of PostgreSQL. */
export function postgresReplication<Server extends PostgresServer>(): Replication<Server> {
  return {
    withConnection,
    pauseReplay: (replica) => setPaused(replica, 'paused'),
    resumeReplay: (replica) => setPaused(replica, 'not paused'),
    isPaused: async ({ address }) => (await withConnection(address, readPauseState)) !== 'not paused',
    promote,
    async repoint(server, upstream, wasPrimary) {
      if (wasPrimary) return false;
      await server.writeUpstream(upstream);
      await (server.running ? server.reload() : server.start());
      return true;
    },
    async copy(server, upstream) {
      await server.cloneFrom(upstream);
      await server.start();
    },
    streamState: readStreamState,
    readWritten,
    readReplayed,
  };
}

async function setPaused(replica: PostgresServer, wanted: 'paused' | 'not paused'): Promise<void> {
  const change = wanted === 'paused' ? 'pg_wal_replay_pause' : 'pg_wal_replay_resume';
  const reached = await withConnection(replica.address, async (query) => {
    await despiteConflicts(() => query(`SELECT ${change}()`));
    return await waitUntil(async () => (await readPauseState(query)) === wanted, {
      timeoutMs: REPLAY_TIMEOUT_MS,
      intervalMs: 1,
    });
  });
  if (!reached) throw new NodeStateError(replica.name, `be ${wanted}`, `not within ${REPLAY_TIMEOUT_MS} ms`);
}

async function promote(replica: PostgresServer): Promise<void> {
  const promoted = await withConnection(replica.address, async (query) => {
    const [row] = await query<{ promoted: boolean }>(
      `SELECT pg_promote(true, ${PROMOTE_TIMEOUT_S}) AS promoted`,
    );
    return row?.promoted === true;
  });
  if (promoted) return;
  throw new NodeStateError(replica.name, 'promote', `the server did not do it within ${PROMOTE_TIMEOUT_S} s`);
}
