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
  return whyNoLanes(config) === undefined;
}

/** Why connections made so cannot be shared, for people; `undefined`: they can. Makes no connection. */
export function whyNoLanes(config: pg.PoolConfig): string | undefined {
  const { maxUses } = config;
  if (maxUses !== undefined && maxUses !== Infinity) return 'maxUses counts how often a connection is used';
  const Client = (config as { Client?: new (config: object) => MadeClient }).Client ?? pg.Client;
  let client: MadeClient;
  try {
    client = new Client(config);
  } catch {
    return 'pg refuses the options, and tells whoever connects why';
  }
  if (client.pipeline === undefined)
    return 'this pg cannot send statements before answers: 8.23 or later can';
  return client.connectionParameters?.query_timeout
    ? 'query_timeout would cut the connection under all reads that share it: use statement_timeout'
    : undefined;
}
