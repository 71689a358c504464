import { CatchUpError } from './cluster.error.js';
import { ClusterNode } from './cluster-node.js';
import { NodeServer } from './node-server.js';
import { errorMessage } from './system-error.js';
import { waitUntil } from './wait-until.js';

/**
 * Resolves when every running and unpaused replica among `nodes` has replayed what its primary has written by now.
 * @throws CatchUpError
 */
export async function waitForCatchUp<Server extends NodeServer>(
  nodes: readonly ClusterNode<Server>[],
  timeoutMs: number,
): Promise<void> {
  const replicas = nodes.filter((it) => it.state === 'running' && it.upstream !== undefined);
  const written = new Map<ClusterNode<Server>, Promise<string>>();
  await Promise.all(
    replicas.map(async (replica) => {
      const primary = primaryOf(replica);
      const target = written.get(primary) ?? readWritten(primary);
      written.set(primary, target);
      try {
        await waitForReplay(replica, await target, timeoutMs);
      } catch (error) {
        if (error instanceof CatchUpError) throw error;
        throw new CatchUpError(replica.name, errorMessage(error), { cause: error });
      }
    }),
  );
}

async function readWritten<Server extends NodeServer>({
  replication,
  server,
}: ClusterNode<Server>): Promise<string> {
  return await replication.withConnection(server.address, (query) => replication.readWritten(query));
}

async function waitForReplay<Server extends NodeServer>(
  { name, replication, server }: ClusterNode<Server>,
  target: string,
  timeoutMs: number,
): Promise<void> {
  let reached = '';
  const caughtUp = await replication.withConnection(server.address, async (query) =>
    waitUntil(
      async () => {
        const progress = await replication.readReplayed(query, target);
        ({ reached } = progress);
        return progress.isOver;
      },
      { timeoutMs, intervalMs: 2 },
    ),
  );
  if (caughtUp) return;
  throw new CatchUpError(name, `it has replayed ${reached} of ${target} after ${timeoutMs} ms`);
}

/** The node at the top of the chain that a replica follows. */
function primaryOf<Server extends NodeServer>(replica: ClusterNode<Server>): ClusterNode<Server> {
  let node = replica;
  while (node.upstream) {
    node = node.upstream;
    if (node.state !== 'running') {
      throw new CatchUpError(replica.name, `it follows ${node.name}, which is ${node.state}`);
    }
  }
  return node;
}
