import type pg from 'pg';
import type { ServerIdentity } from '../topology/node-probe.js';
import { readLayout, type WalLayout } from './positions.js';
import { codeOf } from '../errors/describe-error.js';

/**
 * Gives one row that identifies the server:
 *
 * - `system`: the system identifier in decimal digits; NULL if the role may not read it
 * - `started`: the start of the postmaster in seconds since the epoch
 * - `cleared`: the time at which the server last reset its statistics, in seconds since the epoch; each recovery from a crash resets them
 * - `uptime_ms`: how long the postmaster has been running
 * - `own_address`: `host:port`; NULL on a Unix socket
 * - `backend`: the number of the process that answers
 * - `in_recovery`: whether the server is a standby
 * - `aurora`: whether it is Aurora PostgreSQL, which alone has this function
 * - `wal_segment_size`, `wal_block_size`: bytes; NULL if the server has no such setting
 *
 * Any role may call these functions unless an administrator has revoked that.
 * https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-CONTROLDATA
 * https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-BGWRITER-VIEW
 */
const identitySql = (system: string): string => `/* nestjs-replica: identity */ SELECT ${system} AS system,
  extract(epoch FROM pg_catalog.pg_postmaster_start_time())::text AS started,
  extract(epoch FROM pg_catalog.pg_stat_get_bgwriter_stat_reset_time())::text AS cleared,
  extract(epoch FROM pg_catalog.clock_timestamp() - pg_catalog.pg_postmaster_start_time())::float8 * 1000 AS uptime_ms,
  pg_catalog.pg_backend_pid()::text AS backend, pg_catalog.pg_is_in_recovery()::text AS in_recovery,
  (pg_catalog.to_regprocedure('pg_catalog.aurora_version()') IS NOT NULL)::text AS aurora,
  pg_catalog.host(pg_catalog.inet_server_addr()) || ':' || pg_catalog.inet_server_port() AS own_address,
  pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_segment_size', true)) AS wal_segment_size,
  pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_block_size', true)) AS wal_block_size`;

const IDENTITY_SQL = identitySql('(SELECT system_identifier::text FROM pg_catalog.pg_control_system())');
const NAMELESS_SQL = identitySql('NULL::text');

/** The server refuses to answer: insufficient_privilege, undefined_function and other class 42 errors, or feature_not_supported. */
const REFUSALS = /^(42|0A)/;

interface IdentityRow {
  readonly system: string | null;
  readonly started: string;
  readonly cleared: string | null;
  readonly uptime_ms: number | string;
  readonly own_address: string | null;
  readonly backend: string;
  readonly in_recovery: string;
  readonly aurora: string;
  readonly wal_segment_size: string | null;
  readonly wal_block_size: string | null;
}

/** What a server says about itself on a new connection. */
export interface ServerFacts {
  /** `undefined`: the server refuses to say. */
  readonly identity: ServerIdentity | undefined;
  readonly layout: WalLayout;
  /** The number of the process that answered; absent if the server refuses to say. */
  readonly backend?: number;
  readonly isReadOnly?: boolean;
  readonly isAurora?: boolean;
}

/**
 * Asks the server for its identity. Costs one round trip, or two if the role may not read the system identifier. Rejects if the
 * connection is lost or the server is failing.
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
  return {
    identity,
    layout,
    backend: Number(row.backend),
    isReadOnly: row.in_recovery === 'true',
    isAurora: row.aurora === 'true',
  };
}

async function ask(client: pg.ClientBase, text: string): Promise<IdentityRow | undefined> {
  try {
    // Reads every column as text, so that the application's own type parsers have no effect.
    const { rows } = await client.query<IdentityRow>({ text, types: AS_TEXT } as pg.QueryConfig);
    return rows[0];
  } catch (error) {
    if (REFUSALS.test(codeOf(error) ?? '')) return undefined;
    throw error;
  }
}

const AS_TEXT = { getTypeParser: () => String };
