import { NoNodeError } from './no-node.error.js';
import type { NodePool } from './node-pool.js';
import { isConnectionLoss, messageOf } from './postgres-errors.js';
import { NodeUnavailableError } from './node-unavailable.error.js';
import { StartNeedsPrimaryError } from './start-needs-primary.error.js';

/** What an application begins with. */
export interface StartNodes {
  readonly primary: NodePool;
  readonly replicas: readonly NodePool[];
  /** It may start on replicas alone. */
  readonly mayDoWithout: boolean;
  /** Options of TypeORM that change the schema at the start. */
  readonly schemaChanges: readonly string[];
}

/**
 * Connects to the primary, and gives `undefined`. Where there is no connection to it and the application may start without,
 * gives the replica that answered first, to stand in for it meanwhile. Rejects with an error that says what is the matter;
 * what the primary refuses (a wrong password) is always one.
 */
export async function findStandIn(nodes: StartNodes): Promise<string | undefined> {
  const { primary, replicas, mayDoWithout, schemaChanges } = nodes;
  try {
    primary.release(await primary.checkout());
    return undefined;
  } catch (reason) {
    const error =
      reason instanceof NodeUnavailableError
        ? reason
        : new NodeUnavailableError(primary.name, primary.address, reason);
    if (!mayDoWithout || replicas.length === 0 || !isConnectionLoss(error.cause)) throw error;
    if (schemaChanges.length > 0) throw new StartNeedsPrimaryError(primary.name, schemaChanges, error);
    return firstOf(replicas, error);
  }
}

async function firstOf(replicas: readonly NodePool[], primary: NodeUnavailableError): Promise<string> {
  const problems: unknown[] = [];
  const trials = replicas.map(async (pool, index) => {
    try {
      await pool.run(['SELECT 1']);
      return pool.name;
    } catch (error) {
      problems[index] = error;
      throw error;
    }
  });
  return Promise.any(trials).catch(() => {
    throw new NoNodeError([
      `${primary.node} (${primary.address}): ${messageOf(primary.cause)}`,
      ...replicas.map(({ name, address }, index) => `${name} (${address}): ${problemOf(problems[index])}`),
    ]);
  });
}

function problemOf(error: unknown): string {
  return messageOf(error instanceof NodeUnavailableError ? error.cause : error);
}
