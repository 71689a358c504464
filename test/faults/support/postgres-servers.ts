import type { DatabaseNode } from 'nestjs-replica/testing';
import type { Servers } from './servers.js';

export const POSTGRES_SERVERS: Servers = {
  createSql: 'CREATE TABLE counter (id int PRIMARY KEY, version int NOT NULL)',
  fillSql: 'INSERT INTO counter SELECT n, 0 FROM generate_series(1, $1) n',
  async countConnections(node, applications) {
    const [row] = await node.query<{ count: number }>(
      'SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = ANY($1)',
      [applications],
    );
    return row?.count ?? 0;
  },
  async countReports(node) {
    return (await node.query(`SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'`)).length;
  },
  endIdle: (node, applications) =>
    node.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE state = 'idle' AND state_change < clock_timestamp() - interval '50 ms' AND application_name = ANY($1)`,
      [applications],
    ),
  async countEnded(node) {
    const [row] = await node.query<{ sum: number }>(
      'SELECT sum(sessions_killed)::int AS sum FROM pg_stat_database',
    );
    return row?.sum ?? 0;
  },
  async breakReplication(node) {
    await node.query(`ALTER SYSTEM SET primary_conninfo = 'host=127.0.0.1 port=1'`);
    await node.query('SELECT pg_reload_conf()');
    while (await hasReceiver(node));
    return async () => {
      await node.query('ALTER SYSTEM RESET primary_conninfo');
      await node.query('SELECT pg_reload_conf()');
    };
  },
  /** What the replica has received may end in the middle of a record. */
  async replayAll(node) {
    let position = -1n;
    let sinceMs = performance.now();
    for (;;) {
      const [row] = await node.query<{ isDone: boolean; position: string }>(
        `SELECT pg_last_wal_replay_lsn() >= coalesce(pg_last_wal_receive_lsn(), '0/0') AS "isDone",
                (pg_last_wal_replay_lsn() - '0/0')::text AS position`,
      );
      const now = BigInt(row?.position ?? 0);
      if (row?.isDone === true || (now === position && performance.now() - sinceMs > 100)) return now;
      if (now !== position) sinceMs = performance.now();
      position = now;
    }
  },
};

async function hasReceiver(node: DatabaseNode): Promise<boolean> {
  const receivers = await node.query(`SELECT 1 AS one FROM pg_stat_wal_receiver WHERE status = 'streaming'`);
  return receivers.length > 0;
}
