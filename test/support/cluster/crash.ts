import type { PostgresNode } from 'nestjs-replica/testing';

/**
 * Crashes a server as an error in one of its processes does: that one dies, the postmaster ends all others and recovers, within a
 * second, from where the last checkpoint is. The server's start time stays as it was. Resolves when the process is dead, not
 * when the server answers again. Works where the server runs on this machine.
 */
export async function crash(node: PostgresNode): Promise<void> {
  const [row] = await node.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE backend_type = 'background writer'`,
  );
  if (row === undefined) throw new Error(`${node.name} has no background writer`);
  process.kill(row.pid, 'SIGKILL');
}
