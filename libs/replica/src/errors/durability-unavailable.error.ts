/**
 * - `database`: this database has no durability of single transactions
 * - `no-standby`: the server has no synchronous standbys, so COMMIT would wait for none
 * - `own-transaction`: one text begins and ends its transaction, so nothing can be set in between
 * - `stream`: a stream that writes outside a transaction
 */
export type DurabilityObstacle = 'database' | 'no-standby' | 'own-transaction' | 'stream';

const REASONS: Readonly<Record<DurabilityObstacle, string>> = {
  database:
    'MySQL and MariaDB have no such setting for one transaction. Let the whole server wait by semi-synchronous replication, or ' +
    'let the answer wait by @SyncWrite(), which works on every database.',
  'no-standby':
    'synchronous_standby_names of the primary is empty, so COMMIT would wait for no standby. Name the synchronous standbys there ' +
    "(ALTER SYSTEM, then SELECT pg_reload_conf()), or ask for 'local'.",
  'own-transaction':
    'a text that begins and ends its transaction itself leaves no place to say so. Send its statements one by one.',
  stream: 'a stream that writes needs a transaction around it, begun inside withDurability().',
};

/** `withDurability()` asks for more than can be had. The transaction is rolled back: nothing was written. */
export class DurabilityUnavailableError extends Error {
  override readonly name = 'DurabilityUnavailableError';
  readonly code = 'REPLICA_DURABILITY_UNAVAILABLE';

  constructor(
    /** What was asked for. */
    readonly durability: string,
    readonly obstacle: DurabilityObstacle,
  ) {
    super(`Durability '${durability}' cannot be had: ${REASONS[obstacle]}`);
  }
}
