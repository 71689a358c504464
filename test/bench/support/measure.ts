import { percentile, rounded } from './report.js';
import type { Servers } from './servers.js';

/** One measurement of calls that follow each other on several paths at once. */
export interface Measured {
  readonly calls: number;
  readonly callsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Of the calls whose latency is counted separately; `null`: there were none. */
  readonly apartP50Us: number | null;
  readonly apartP99Us: number | null;
  readonly nodeCpuUsPerCall: number;
  /** `null`: unknown here. */
  readonly serverCpuUsPerCall: number | null;
  /** Open at the end of the measurement. */
  readonly connections: number;
}

export interface Load {
  readonly concurrency: number;
  readonly warmUpMs: number;
  readonly measuredMs: number;
  /** The nth call, from 0. It checks its own answer. `apart`: its latency is counted separately. */
  readonly call: (n: number) => Promise<'apart' | void>;
}

/** Keeps a number of calls under way until the end. Each path makes its next call when its last one was answered. */
export async function keepBusy(
  { concurrency, call }: Pick<Load, 'concurrency' | 'call'>,
  end: { readonly afterMs: number } | { readonly afterCalls: number },
  note?: (latencyMs: number, isApart: boolean) => void,
): Promise<number> {
  const endMs = 'afterMs' in end ? performance.now() + end.afterMs : Infinity;
  const maxCalls = 'afterCalls' in end ? end.afterCalls : Infinity;
  let calls = 0;
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      for (let startedMs = performance.now(); startedMs < endMs && calls < maxCalls;) {
        const outcome = await call(calls++);
        const nowMs = performance.now();
        note?.(nowMs - startedMs, outcome === 'apart');
        startedMs = nowMs;
      }
    }),
  );
  return calls;
}

/**
 * Warms up, then measures. It collects no garbage before, because a full collection also throws away compiled code, and the
 * following thousands of calls would be slow.
 */
export async function measure(servers: Servers, load: Load): Promise<Measured> {
  const { warmUpMs, measuredMs } = load;
  if (warmUpMs > 0) await keepBusy(load, { afterMs: warmUpMs });
  const serversBefore = servers.processorTimeUs();
  const nodeBefore = process.cpuUsage();
  const startedMs = performance.now();
  const latenciesMs: number[] = [];
  const apartMs: number[] = [];
  const calls = await keepBusy(load, { afterMs: measuredMs }, (latencyMs, isApart) =>
    (isApart ? apartMs : latenciesMs).push(latencyMs),
  );
  const tookMs = performance.now() - startedMs;
  const node = process.cpuUsage(nodeBefore);
  const serversAfter = servers.processorTimeUs();
  return {
    calls,
    callsPerSecond: Math.round((calls * 1000) / tookMs),
    p50Us: rounded(percentile(latenciesMs, 0.5) * 1000, 1),
    p99Us: rounded(percentile(latenciesMs, 0.99) * 1000, 1),
    apartP50Us: apartMs.length === 0 ? null : rounded(percentile(apartMs, 0.5) * 1000, 1),
    apartP99Us: apartMs.length === 0 ? null : rounded(percentile(apartMs, 0.99) * 1000, 1),
    nodeCpuUsPerCall: rounded((node.user + node.system) / calls, 1),
    serverCpuUsPerCall:
      serversBefore === null || serversAfter === null
        ? null
        : rounded((serversAfter - serversBefore) / calls, 1),
    connections: await servers.connections(),
  };
}
