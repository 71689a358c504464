import type pg from 'pg';
import type { ServerIdentity } from '../topology/node-probe.js';
import { readLayout, type WalLayout } from './positions.js';
import { codeOf } from '../errors/describe-error.js';

/**
 * Who the server is, in one row: `system` the system identifier in decimal digits, NULL where the server may not tell it;
 * `started` the seconds from the epoch to the start of the postmaster; `cleared` those to the time when the server began to
 * count its statistics anew, as each recovery from a crash does; `uptime_ms` how long the postmaster runs; `own_address`
 * `host:port`, NULL on a Unix socket; the sizes in bytes, NULL where there is no such setting. Any role may call these functions, unless an administrator has revoked that.
 * https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-CONTROLDATA
 * https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-BGWRITER-VIEW
 */
const identitySql = (system: string): string => `/* nestjs-replica: identity */ SELECT ${system} AS system,
  extract(epoch FROM pg_catalog.pg_postmaster_start_time())::text AS started,
  extract(epoch FROM pg_catalog.pg_stat_get_bgwriter_stat_reset_time())::text AS cleared,
  extract(epoch FROM pg_catalog.clock_timestamp() - pg_catalog.pg_postmaster_start_time())::float8 * 1000 AS uptime_ms,
  pg_catalog.host(pg_catalog.inet_server_addr()) || ':' || pg_catalog.inet_server_port() AS own_address,
  pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_segment_size', true)) AS wal_segment_size,
  pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_block_size', true)) AS wal_block_size`;

const IDENTITY_SQL = identitySql('(SELECT system_identifier::text FROM pg_catalog.pg_control_system())');
const NAMELESS_SQL = identitySql('NULL::text');

/** insufficient_privilege, undefined_function and their like, feature_not_supported: the server does not tell. */
const REFUSALS = /^(42|0A)/;

interface IdentityRow {
  readonly system: string | null;
  readonly started: string;
  readonly cleared: string | null;
  readonly uptime_ms: number | string;
  readonly own_address: string | null;
  readonly wal_segment_size: string | null;
  readonly wal_block_size: string | null;
}

/** What a server tells when a connection to it was made. */
export interface ServerFacts {
  /** `undefined`: it does not tell. */
  readonly identity: ServerIdentity | undefined;
  readonly layout: WalLayout;
}

/**
 * Asks the server who it is, which costs a round trip; two where it does not tell its cluster. Rejects where the connection is
 * lost or the server is not well.
 */
export async function identifyServer(client: pg.ClientBase): Promise<ServerFacts> {
  const row = (await ask(client, IDENTITY_SQL)) ?? (await ask(client, NAMELESS_SQL));
  const layout = readLayout([
    { name: 'wal_segment_size', bytes: row?.wal_segment_size },
    { name: 'wal_block_size', bytes: row?.wal_block_size },
  ]);
  if (row === undefined) return { identity: undefined, layout };
  const { system, started, cleared, uptime_ms: uptimeMs, own_address: ownAddress } = row;
  const identity = {
    system: system ?? undefined,
    startedAt: started,
    incarnation: `${started}/${cleared ?? ''}`,
    uptimeMs: Number(uptimeMs),
    ownAddress: ownAddress ?? undefined,
  };
  return { identity, layout };
}

async function ask(client: pg.ClientBase, text: string): Promise<IdentityRow | undefined> {
  try {
    // Whatever types the application parses in its own way, these come as text.
    const { rows } = await client.query<IdentityRow>({ text, types: AS_TEXT } as pg.QueryConfig);
    return rows[0];
  } catch (error) {
    if (REFUSALS.test(codeOf(error) ?? '')) return undefined;
    throw error;
  }
}

const AS_TEXT = { getTypeParser: () => String };
