import pg from 'pg';

/** What of a `pg` client is asked. */
interface MadeClient {
  readonly pipeline?: boolean;
  readonly connectionParameters?: { readonly query_timeout?: number | false };
}

/**
 * Whether connections made so can be shared. Not with a `pg` that knows no pipeline (before 8.23, or `pg-native`); not with
 * `query_timeout`, which would cut the connection under all reads that share it (`statement_timeout` does not); and not
 * where the pool counts how often a connection is used. Makes no connection.
 */
export function supportsLanes(config: pg.PoolConfig): boolean {
  const { maxUses } = config;
  if (maxUses !== undefined && maxUses !== Infinity) return false;
  const Client = (config as { Client?: new (config: object) => MadeClient }).Client ?? pg.Client;
  let client: MadeClient;
  try {
    client = new Client(config);
  } catch {
    // Whoever connects is told why.
    return false;
  }
  return client.pipeline !== undefined && !client.connectionParameters?.query_timeout;
}
