import { Agent, request } from 'node:http';
import { answerParent } from './support/child.js';
import { ITEMS, spread } from './support/items.js';
import { percentile, rounded } from './support/report.js';

/** Requests that arrive at a fixed rate, whether earlier ones have been answered or not. */
export interface OverloadLoad {
  readonly port: number;
  readonly method: 'GET' | 'PATCH';
  /** Without the number of the item. */
  readonly path: string;
  readonly perSecond: number;
  readonly warmUpMs: number;
  readonly measuredMs: number;
}

export interface OverloadMeasured {
  /** Answered with status 200. */
  readonly requests: number;
  /** Per second, until the last one was answered. */
  readonly requestsPerSecond: number;
  /** Answered with another status, cut, or not answered in time. */
  readonly errors: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** When a client gives up; milliseconds. */
const PATIENCE_MS = 60_000;
/** Connections that a crowd of clients has open at most. The others wait at the client. */
const MAX_SOCKETS = 2_000;
const TICK_MS = 5;

answerParent(async ({ port, method, path, perSecond, warmUpMs, measuredMs }: OverloadLoad) => {
  const agent = new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS });
  const send = (n: number): Promise<boolean> =>
    new Promise((resolve) => {
      const sent = request(
        {
          port,
          agent,
          method,
          host: '127.0.0.1',
          path: `${path}/${spread(n, ITEMS)}`,
          headers: { 'x-session': `s${n % 5_000}` },
          timeout: PATIENCE_MS,
        },
        (answer) => answer.on('end', () => resolve(answer.statusCode === 200)).resume(),
      );
      sent.on('timeout', () => sent.destroy());
      sent.on('error', () => resolve(false));
      sent.end();
    });
  await arrivals(perSecond / 4, warmUpMs, send);
  process.send?.('warm');
  const latenciesMs: number[] = [];
  let errors = 0;
  const startedMs = performance.now();
  await arrivals(perSecond, measuredMs, async (n) => {
    const sentMs = performance.now();
    if (await send(n)) latenciesMs.push(performance.now() - sentMs);
    else errors++;
  });
  const tookMs = performance.now() - startedMs;
  agent.destroy();
  const measured: OverloadMeasured = {
    requests: latenciesMs.length,
    requestsPerSecond: Math.round((latenciesMs.length * 1000) / tookMs),
    errors,
    p50Ms: rounded(percentile(latenciesMs, 0.5), 1),
    p99Ms: rounded(percentile(latenciesMs, 0.99), 1),
  };
  return measured;
});

/** Begins calls at this rate for so long, and waits for all of them. */
async function arrivals(
  perSecond: number,
  forMs: number,
  call: (n: number) => Promise<unknown>,
): Promise<void> {
  const calls: Promise<unknown>[] = [];
  const startedMs = performance.now();
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const elapsedMs = Math.min(performance.now() - startedMs, forMs);
      while (calls.length < (elapsedMs * perSecond) / 1000) calls.push(call(calls.length));
      if (elapsedMs < forMs) return;
      clearInterval(timer);
      resolve();
    }, TICK_MS);
  });
  await Promise.all(calls);
}
