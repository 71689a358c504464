import { CatchUpError } from './cluster.error.js';
import { ClusterNode } from './cluster-node.js';
import { despiteConflicts, withConnection } from './node-connection.js';
import { readReplayed, readWritten } from './replication-state.js';
import { errorMessage } from './system-error.js';
import { waitUntil } from './wait-until.js';
import { formatWalPosition } from './wal-position.js';

/**
 * Resolves when every running and unpaused replica among `nodes` has replayed what its primary has written by now.
 * @throws CatchUpError
 */
export async function waitForCatchUp(nodes: readonly ClusterNode[], timeoutMs: number): Promise<void> {
  const replicas = nodes.filter((it) => it.state === 'running' && it.upstream !== undefined);
  const written = new Map<ClusterNode, Promise<bigint>>();
  await Promise.all(
    replicas.map(async (replica) => {
      const primary = primaryOf(replica);
      const target = written.get(primary) ?? withConnection(primary.server.address, readWritten);
      written.set(primary, target);
      try {
        await waitForReplay(replica, await target, timeoutMs);
      } catch (error) {
        if (error instanceof CatchUpError) throw error;
        throw new CatchUpError(replica.name, errorMessage(error), {
          cause: error,
        });
      }
    }),
  );
}

async function waitForReplay(replica: ClusterNode, target: bigint, timeoutMs: number): Promise<void> {
  let reached = '';
  const caughtUp = await withConnection(replica.server.address, async (query) =>
    waitUntil(
      async () => {
        const { position, lsn, state } = await despiteConflicts(() => readReplayed(query));
        reached = lsn;
        return state !== 'replaying' || position >= target;
      },
      { timeoutMs, intervalMs: 2 },
    ),
  );
  if (caughtUp) return;
  const missing = `${reached} of ${formatWalPosition(target)}`;
  throw new CatchUpError(replica.name, `it has replayed ${missing} after ${timeoutMs} ms`);
}

/** The node at the top of the chain that a replica follows. */
function primaryOf(replica: ClusterNode): ClusterNode {
  let node = replica;
  while (node.upstream) {
    node = node.upstream;
    if (node.state !== 'running') {
      throw new CatchUpError(replica.name, `it follows ${node.name}, which is ${node.state}`);
    }
  }
  return node;
}
