import type { LoadReport, ReportInstants } from './app-under-fault.js';
import type { CallRecord } from './checked-load.js';

/** What the calls come to that ended after the fault began, and what was wrong at any time. */
export function summarize(
  calls: readonly CallRecord[],
  { faultMs, readsDueMs, writesDueMs }: ReportInstants,
): Omit<LoadReport, 'reasons' | 'nodeErrors' | 'readFailures'> {
  const isRead = ({ kind }: CallRecord): boolean => kind === 'read';
  const failed = calls.filter(({ code }) => code !== undefined);
  const errors: Record<string, number> = {};
  for (const { code } of failed) errors[code as string] = (errors[code as string] ?? 0) + 1;
  const tookMs = calls
    .filter((call) => isRead(call) && call.endedMs >= faultMs)
    .map(({ startedMs, endedMs }) => endedMs - startedMs)
    .toSorted((a, b) => a - b);
  return {
    reads: calls.filter(isRead).length,
    writes: calls.length - calls.filter(isRead).length,
    failedReads: failed.filter((call) => isRead(call) && call.startedMs >= readsDueMs).length,
    failedWrites: failed.filter((call) => !isRead(call) && call.startedMs >= writesDueMs).length,
    staleOwnReads: calls.filter(({ isStale }) => isStale).length,
    nonMonotonicReads: calls.filter(({ wentBack }) => wentBack).length,
    readP99Ms: rounded(tookMs[Math.floor(tookMs.length * 0.99)] ?? 0),
    longestReadMs: rounded(tookMs.at(-1) ?? 0),
    errors,
  };
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}
