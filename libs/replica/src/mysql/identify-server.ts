import type { ServerIdentity } from '../topology/node-probe.js';
import type { MysqlConnection } from './connection.js';

/** The row of `Flavor.identitySql`. Depending on the settings, numbers come as texts. */
interface IdentityRow {
  readonly server: number | string;
  readonly uid: string | null;
  readonly started: number | string;
  readonly uptime_s: number | string;
  readonly own_address: string | null;
}

/** Who answers at the other end of a connection. */
export interface MysqlIdentity extends ServerIdentity {
  /** The name under which the server stands in GTIDs. */
  readonly server: string;
}

/**
 * Asks the server who it is. A crash ends the whole server, so its start is all that tells one run from the next.
 *
 * Neither MariaDB nor MySQL has an identifier of the cluster, so all servers of one kind count as one. A server of another cluster
 * is found out by its GTIDs: it has transactions that the primary does not have.
 */
export async function identifyServer(connection: MysqlConnection): Promise<MysqlIdentity> {
  const { name, identitySql } = connection.flavor;
  const [row] = (await connection.rows(identitySql)) as unknown as readonly IdentityRow[];
  if (row === undefined) throw new Error('the server did not say who it is');
  const run = [row.server, row.uid, row.own_address, row.started].join('/');
  return {
    server: String(row.server),
    system: name,
    startedAt: run,
    incarnation: run,
    uptimeMs: Number(row.uptime_s) * 1_000,
    ownAddress: row.own_address?.toLowerCase() ?? undefined,
  };
}
