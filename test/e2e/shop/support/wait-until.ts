import { setTimeout as delay } from 'node:timers/promises';

/** Asks again and again, and rejects when the answer is still no after `timeoutMs`. */
export async function waitUntil(
  what: string,
  isSo: () => Promise<boolean> | boolean,
  timeoutMs = 60_000,
): Promise<void> {
  for (const endMs = performance.now() + timeoutMs; !(await isSo()); await delay(10)) {
    if (performance.now() > endMs) throw new Error(`not within ${timeoutMs} ms: ${what}`);
  }
}
