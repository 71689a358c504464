import { freezeTree, processTree, SETTLE_TIMEOUT_MS, signal } from '../embedded/process-tree.js';
import { waitUntil } from '../wait-until.js';

/**
 * Ends a server's processes at once. The children get SIGKILL. The top process owns the lock file and a System V memory segment. It
 * gets SIGQUIT, at which PostgreSQL removes both and writes nothing else.
 */
export async function crashPostgres(pid: number, hasEnded: () => boolean): Promise<void> {
  await freezeTree(pid);
  for (const it of processTree(pid).slice(1)) signal(it.pid, 'SIGKILL');
  signal(pid, 'SIGQUIT');
  signal(pid, 'SIGCONT');
  if (await waitUntil(hasEnded, { timeoutMs: SETTLE_TIMEOUT_MS, intervalMs: 1 })) return;
  signal(pid, 'SIGKILL');
  await waitUntil(hasEnded, { timeoutMs: SETTLE_TIMEOUT_MS });
}
