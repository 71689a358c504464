import type pg from 'pg';
import type { ProbeResult } from '../topology/node-probe.js';
import { AURORA_SQL, readAurora, type AuroraRow } from './aurora-status.js';
import { identifyServer } from './identify-server.js';
import type { ProbeConnection } from './probe-connection.js';
import { preparedFailureOf } from './error-kinds.js';
import { beforePageHeader, parseLsn, type WalLayout } from './positions.js';
import { codeOf } from '../errors/describe-error.js';

/**
 * The whole probe, in one row:
 *
 * - `in_recovery`: boolean
 * - `position`: the text of a pg_lsn; NULL on a standby that has replayed nothing
 * - `wal_file`: the name of a writable node's WAL file, which begins with the timeline in eight hexadecimal digits; NULL on a standby
 * - `started`: the server's start in seconds since the epoch, with a fraction
 * - `receiver`, `received_timeline`, `sender` (`host:port`): a standby's WAL receiver
 *
 * Needs no privilege. Without `pg_read_all_stats` (part of `pg_monitor`), a role sees only that there is a receiver.
 * https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADMIN-BACKUP
 * https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-WAL-RECEIVER-VIEW
 */
const PROBE_SQL = `SELECT pg_is_in_recovery() AS in_recovery,
  CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END::text AS position,
  CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_walfile_name(pg_current_wal_insert_lsn()) END AS wal_file,
  extract(epoch FROM pg_postmaster_start_time())::text AS started,
  CASE WHEN w.pid IS NULL THEN 'none' ELSE coalesce(w.status, 'hidden') END AS receiver,
  w.received_tli AS received_timeline, w.sender_host || ':' || w.sender_port AS sender
  FROM (SELECT 1) AS one LEFT JOIN pg_stat_wal_receiver AS w ON true`;

/** The part for a node that is not a standby. It runs after each write, so it leaves out the expensive view of the WAL receiver. */
const WRITABLE_SQL = `/* nestjs-replica: position */ SELECT pg_is_in_recovery() AS in_recovery,
  CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_current_wal_insert_lsn() END::text AS position,
  CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_walfile_name(pg_current_wal_insert_lsn()) END AS wal_file,
  extract(epoch FROM pg_postmaster_start_time())::text AS started, NULL AS receiver, NULL::int AS received_timeline, NULL AS sender`;

/** The same row for servers that report no positions: it only says `in_recovery`. */
const ROLE_SQL = `SELECT pg_is_in_recovery() AS in_recovery, NULL AS position, NULL AS wal_file, NULL AS started,
  NULL AS receiver, NULL AS received_timeline, NULL AS sender`;

/**
 * Some services refuse to report positions with these codes: feature_not_supported,
 * object_not_in_prerequisite_state ("wal_level must be set to 'logical'"), undefined_function.
 */
const NO_POSITION_CODES: readonly unknown[] = ['0A000', '55000', '42883'];

interface NamedStatement {
  readonly name: string;
  readonly text: string;
}

const PROBE_STATEMENT: NamedStatement = { name: 'nestjs_replica_probe', text: PROBE_SQL };
/** Asks a writable node for its position. */
export const POSITION_STATEMENT: NamedStatement = {
  name: 'nestjs_replica_probe_writable',
  text: WRITABLE_SQL,
};

/** The row that each of these statements gives. */
export interface ProbeRow {
  readonly in_recovery: boolean;
  readonly position: string | null;
  readonly wal_file: string | null;
  readonly started: string | null;
  readonly receiver: string | null;
  readonly received_timeline: number | null;
  readonly sender: string | null;
}

/** Repeatedly asks one node for its role and position, in the cheapest way for its last known role. */
export class NodeQuestion {
  #wasWritable = false;
  /** Turns false once a pooler has lost a prepared statement. */
  #mayPrepare = true;

  /** Rejects if the answer makes no sense. */
  async ask(connection: ProbeConnection): Promise<ProbeResult> {
    const { client, layout } = connection;
    if (connection.isAurora === true) return this.#askAurora(connection);
    const short = this.#wasWritable ? await this.#askPrepared(client, POSITION_STATEMENT) : undefined;
    const row = short?.in_recovery === false ? short : await this.#askPrepared(client, PROBE_STATEMENT);
    const result = readRow(row, layout);
    this.#wasWritable = !result.isReadOnly;
    return { ...result, identity: await this.#identityOf(connection, row?.started) };
  }

  async #askAurora(connection: ProbeConnection): Promise<ProbeResult> {
    const { rows } = await connection.client.query<AuroraRow>(AURORA_SQL);
    return { ...readAurora(rows), identity: await this.#identityOf(connection, rows[0]?.started) };
  }

  /** A pooler may meanwhile have switched the connection to another server. */
  async #identityOf(
    connection: ProbeConnection,
    started: string | null | undefined,
  ): Promise<ProbeResult['identity']> {
    if (connection.identity !== undefined && started !== connection.identity.startedAt)
      connection.identity = (await identifyServer(connection.client)).identity;
    return connection.identity;
  }

  /** Like {@link ask}, but accepts a node that reports no position. Only the node's role is known then. */
  async askOrRole(connection: ProbeConnection): Promise<ProbeResult> {
    try {
      return await this.ask(connection);
    } catch (error) {
      if (!NO_POSITION_CODES.includes(codeOf(error))) throw error;
      const { client, layout, identity } = connection;
      return { ...readRow(await firstRow(client, ROLE_SQL), layout), identity };
    }
  }

  /** Prepares the statement, because planning takes longer than everything else. */
  async #askPrepared(client: pg.ClientBase, statement: NamedStatement): Promise<ProbeRow | undefined> {
    if (this.#mayPrepare) {
      try {
        return await firstRow(client, statement);
      } catch (error) {
        if (preparedFailureOf(error) === undefined) throw error;
        this.#mayPrepare = false;
      }
    }
    return firstRow(client, statement.text);
  }
}

async function firstRow(
  client: pg.ClientBase,
  query: string | pg.QueryConfig,
): Promise<ProbeRow | undefined> {
  return (await client.query<ProbeRow>(query)).rows[0];
}

/** Throws if the row makes no sense. */
export function readRow(row: ProbeRow | undefined, layout: WalLayout): ProbeResult {
  if (row === undefined || typeof row.in_recovery !== 'boolean') throw new Error('the probe gave no answer');
  const { in_recovery: inRecovery, position: text, wal_file: walFile } = row;
  const position = text === null ? undefined : parseLsn(text);
  if (inRecovery) {
    return {
      isReadOnly: inRecovery,
      position,
      epoch: row.received_timeline ?? undefined,
      isStreaming: row.receiver === 'streaming',
      receiver: row.receiver ?? undefined,
      sender: row.sender ?? undefined,
    };
  }
  return {
    isReadOnly: inRecovery,
    position: position === undefined ? undefined : beforePageHeader(position, layout),
    epoch: walFile === null ? undefined : Number.parseInt(walFile.slice(0, 8), 16),
  };
}
