import { setTimeout as delay } from 'node:timers/promises';

/**
 * Asks `condition` again and again until it is true, and keeps the process alive meanwhile.
 * @returns false if it was not true within `timeoutMs`
 */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  { timeoutMs, intervalMs = 5 }: { timeoutMs: number; intervalMs?: number },
): Promise<boolean> {
  const endMs = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() >= endMs) return false;
    await delay(intervalMs);
  }
  return true;
}
