import type pg from 'pg';
import type { Durability } from '../routing/durability.js';
import type { Answer, Connection, TransactionDurability } from '../execution/database.js';
import { connectionOf } from './connection.js';

/**
 * The function of the server that waits for standbys at COMMIT. It warns if the wait is cancelled, and COMMIT succeeds all the same.
 * The warning's text depends on the server's language, the function's name does not (src/backend/replication/syncrep.c).
 */
const WAITING_ROUTINE = 'SyncRepWaitForLSN';

/** The row of SHOW: the standbys that COMMIT may wait for, in the server's own notation; empty if there are none. */
interface NamesRow {
  readonly synchronous_standby_names: string;
}

/** Sets `synchronous_commit` in transactions. */
export class PgTransactionDurability implements TransactionDurability {
  readonly #cancelled = new WeakSet<Connection>();

  /** Listens for waits that are cancelled. */
  watch(client: pg.ClientBase): void {
    client.on('notice', ({ routine }) => {
      if (routine === WAITING_ROUTINE) this.#cancelled.add(connectionOf(client));
    });
  }

  /** Neither statement takes a snapshot, so SET TRANSACTION ISOLATION LEVEL may still follow. */
  textOf(durability: Durability): string {
    return `SET LOCAL synchronous_commit TO ${durability}; SHOW synchronous_standby_names`;
  }

  obstacleIn(answer: Answer, durability: Durability): 'no-standby' | undefined {
    if (durability === 'local') return undefined;
    const [, shown] = answer as unknown as readonly pg.QueryResult<NamesRow>[];
    return shown?.rows[0]?.synchronous_standby_names.trim() === '' ? 'no-standby' : undefined;
  }

  takeCancelled(connection: Connection): boolean {
    return this.#cancelled.delete(connection);
  }
}
