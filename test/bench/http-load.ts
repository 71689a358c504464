import { keepBusy } from './support/measure.js';
import { percentile, rounded } from './support/report.js';
import { answerParent } from './support/child.js';
import { HttpConnection, type ItemRequest } from './support/http-connection.js';

/** Requests of one kind, so many at once, each on a connection that it keeps. */
export interface HttpLoad extends ItemRequest {
  readonly port: number;
  readonly concurrency: number;
  readonly warmUpMs: number;
  readonly measuredMs: number;
}

export interface HttpMeasured {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

answerParent(async ({ port, concurrency, warmUpMs, measuredMs, ...request }: HttpLoad) => {
  const connections = await Promise.all(Array.from({ length: concurrency }, () => HttpConnection.open(port)));
  const idle = [...connections];
  const call = async (n: number): Promise<void> => {
    const connection = idle.pop() as HttpConnection;
    await connection.askForItem(n, request);
    idle.push(connection);
  };
  await keepBusy({ concurrency, call }, { afterMs: warmUpMs });
  process.send?.('warm');
  const latenciesMs: number[] = [];
  const startedMs = performance.now();
  const requests = await keepBusy({ concurrency, call }, { afterMs: measuredMs }, (ms) =>
    latenciesMs.push(ms),
  );
  const tookMs = performance.now() - startedMs;
  for (const connection of connections) connection.close();
  const measured: HttpMeasured = {
    requests,
    requestsPerSecond: Math.round((requests * 1000) / tookMs),
    p50Us: rounded(percentile(latenciesMs, 0.5) * 1000, 1),
    p99Us: rounded(percentile(latenciesMs, 0.99) * 1000, 1),
  };
  return measured;
});
