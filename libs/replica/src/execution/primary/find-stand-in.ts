import { NoNodeError } from '../../errors/no-node.error.js';
import type { NodePool } from '../pools/node-pool.js';
import { messageOf } from '../../errors/describe-error.js';
import type { ErrorKinds } from '../database.js';
import { NodeUnavailableError } from '../../errors/node-unavailable.error.js';
import { StartNeedsPrimaryError } from '../../errors/start-needs-primary.error.js';

/** The nodes that an application starts with. */
interface StartNodes {
  readonly errors: Pick<ErrorKinds, 'isConnectionLoss'>;
  readonly primary: NodePool;
  readonly replicas: readonly NodePool[];
  readonly mayStartWithoutPrimary: boolean;
  /** The options of TypeORM that change the schema at the start. */
  readonly schemaChanges: readonly string[];
  /** Learns the system identifier of the cluster that the application starts with. `undefined`: the cluster does not tell. */
  readonly foundSystem: (system: string | undefined) => void;
}

/**
 * Connects to the primary and resolves with `undefined`. If no connection can be had and the application may start without,
 * resolves with the replica that answered first. It stands in for the primary meanwhile. All replicas that answer must belong to
 * one cluster. Rejects with an error that says what is wrong. What the primary refuses, such as a wrong password, is always an
 * error.
 */
export async function findStandIn(nodes: StartNodes): Promise<string | undefined> {
  const { errors, primary, replicas, mayStartWithoutPrimary, schemaChanges, foundSystem } = nodes;
  try {
    foundSystem(await systemOf(primary));
    return undefined;
  } catch (reason) {
    const error =
      reason instanceof NodeUnavailableError
        ? reason
        : new NodeUnavailableError(primary.name, primary.address, reason);
    if (!mayStartWithoutPrimary || replicas.length === 0 || !errors.isConnectionLoss(error.cause))
      throw error;
    if (schemaChanges.length > 0) throw new StartNeedsPrimaryError(primary.name, schemaChanges, error);
    return firstOf(replicas, error, foundSystem);
  }
}

async function systemOf(pool: NodePool): Promise<string | undefined> {
  const connection = await pool.checkout();
  const system = pool.connections.identityOf(connection)?.system;
  pool.release(connection);
  return system;
}

async function firstOf(
  replicas: readonly NodePool[],
  primary: NodeUnavailableError,
  foundSystem: StartNodes['foundSystem'],
): Promise<string> {
  const answers: { readonly name: string; readonly system: string | undefined }[] = [];
  const ask = async (pool: NodePool): Promise<string> => {
    try {
      const system = await systemOf(pool);
      answers.push({ name: pool.name, system });
      return `of the cluster ${system ?? 'that it does not tell'}`;
    } catch (error) {
      return messageOf(error instanceof NodeUnavailableError ? error.cause : error);
    }
  };
  const told = await Promise.all(replicas.map(ask));
  const [first] = answers;
  if (first === undefined || answers.some(({ system }) => system !== first.system))
    throw new NoNodeError([
      `${primary.node} (${primary.address}): ${messageOf(primary.cause)}`,
      ...replicas.map(({ name, address }, index) => `${name} (${address}): ${told[index]}`),
    ]);
  foundSystem(first.system);
  return first.name;
}
