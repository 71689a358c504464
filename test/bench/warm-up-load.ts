import { answerParent } from './support/child.js';
import { HttpConnection, type ItemRequest } from './support/http-connection.js';
import { keepBusy } from './support/measure.js';

/** Requests to an application that has just begun to listen. */
export interface WarmUpLoad extends ItemRequest {
  readonly port: number;
  readonly concurrency: number;
  readonly forMs: number;
  readonly windowMs: number;
}

export interface WarmUpMeasured {
  readonly requests: number;
  /** The number of answers in each window of time, from the first request on. */
  readonly answered: readonly number[];
  /** Until the thousandth answer; milliseconds. */
  readonly firstThousandMs: number;
}

answerParent(async ({ port, concurrency, forMs, windowMs, ...request }: WarmUpLoad) => {
  const idle = await Promise.all(Array.from({ length: concurrency }, () => HttpConnection.open(port)));
  process.send?.('warm');
  const answered = Array.from({ length: Math.floor(forMs / windowMs) }, () => 0);
  const startedMs = performance.now();
  let firstThousandMs = Infinity;
  let count = 0;
  const call = async (n: number): Promise<void> => {
    const connection = idle.pop() as HttpConnection;
    await connection.askForItem(n, request);
    idle.push(connection);
    const tookMs = performance.now() - startedMs;
    if (++count === 1_000) firstThousandMs = tookMs;
    const window = Math.floor(tookMs / windowMs);
    if (window < answered.length) answered[window] = (answered[window] as number) + 1;
  };
  const requests = await keepBusy({ concurrency, call }, { afterMs: forMs });
  for (const connection of idle) connection.close();
  const measured: WarmUpMeasured = { requests, answered, firstThousandMs };
  return measured;
});
