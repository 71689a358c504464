import type { DatabaseNode } from 'nestjs-replica/testing';
import { NODE_NAME_FUNCTION_SQL } from '../../support/cluster/test-database.js';
import type { Servers } from './servers.js';

/** Connections of the library and of the application: the cluster's own have another user. */
const CONNECTIONS = `FROM information_schema.processlist WHERE user = 'app'`;

export const MARIADB_SERVERS: Servers = {
  createSql: `CREATE TABLE counter (id int PRIMARY KEY, version int NOT NULL); ${NODE_NAME_FUNCTION_SQL}`,
  fillSql: 'INSERT INTO counter SELECT seq, 0 FROM seq_1_to_1000 WHERE seq <= ?',
  async countConnections(node) {
    const [row] = await node.query<{ count: number }>(`SELECT count(*) AS count ${CONNECTIONS}`);
    return row?.count ?? 0;
  },
  async countReports(node) {
    return (await node.query(`SELECT id ${CONNECTIONS} AND state = 'User sleep'`)).length;
  },
  async endIdle(node) {
    const idle = await node.query<{ id: number }>(
      `SELECT id ${CONNECTIONS} AND command = 'Sleep' AND time_ms > 50`,
    );
    for (const { id } of idle) await node.query(`KILL CONNECTION ${id}`).catch(() => undefined);
  },
  async countEnded(node) {
    const [row] = await node.query<{ Value: string }>(`SHOW GLOBAL STATUS LIKE 'Aborted_clients'`);
    return Number(row?.Value ?? 0);
  },
  async breakReplication(node) {
    await node.query('STOP SLAVE IO_THREAD');
    return () => node.query('START SLAVE IO_THREAD');
  },
  async replayAll(node) {
    const received = await receivedBy(node);
    const [row] = await node.query<{ outcome: number }>('SELECT MASTER_GTID_WAIT(?, 30) AS outcome', [
      received,
    ]);
    if (row?.outcome !== 0) throw new Error(`${node.name} has not replayed ${received}`);
    return BigInt(received.split('-')[2] ?? 0);
  },
};

async function receivedBy(node: DatabaseNode): Promise<string> {
  const [status] = await node.query<{ Gtid_IO_Pos: string }>('SHOW SLAVE STATUS');
  return status?.Gtid_IO_Pos ?? '';
}
