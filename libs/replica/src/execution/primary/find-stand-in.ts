import { NoNodeError } from '../../errors/no-node.error.js';
import type { NodePool } from '../pools/node-pool.js';
import { messageOf } from '../../errors/describe-error.js';
import type { ErrorKinds } from '../database.js';
import { NodeUnavailableError } from '../../errors/node-unavailable.error.js';
import { StartNeedsPrimaryError } from '../../errors/start-needs-primary.error.js';

/** What an application begins with. */
export interface StartNodes {
  readonly errors: Pick<ErrorKinds, 'isConnectionLoss'>;
  readonly primary: NodePool;
  readonly replicas: readonly NodePool[];
  /** It may start on replicas alone. */
  readonly mayDoWithout: boolean;
  /** Options of TypeORM that change the schema at the start. */
  readonly schemaChanges: readonly string[];
  /** Learns the system identifier of the cluster that the application starts with; `undefined`: it is not told. */
  readonly foundSystem: (system: string | undefined) => void;
}

/**
 * Connects to the primary, and gives `undefined`. Where there is no connection to it and the application may start without,
 * gives the replica that answered first, to stand in for it meanwhile; all that answer have to be of one cluster. Rejects with an
 * error that says what is the matter; what the primary refuses (a wrong password) is always one.
 */
export async function findStandIn(nodes: StartNodes): Promise<string | undefined> {
  const { errors, primary, replicas, mayDoWithout, schemaChanges, foundSystem } = nodes;
  try {
    foundSystem(await systemOf(primary));
    return undefined;
  } catch (reason) {
    const error =
      reason instanceof NodeUnavailableError
        ? reason
        : new NodeUnavailableError(primary.name, primary.address, reason);
    if (!mayDoWithout || replicas.length === 0 || !errors.isConnectionLoss(error.cause)) throw error;
    if (schemaChanges.length > 0) throw new StartNeedsPrimaryError(primary.name, schemaChanges, error);
    return firstOf(replicas, error, foundSystem);
  }
}

async function systemOf(pool: NodePool): Promise<string | undefined> {
  const connection = await pool.checkout();
  const system = pool.identityOf(connection)?.system;
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
