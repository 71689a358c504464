// npm run demo:load: visitors for the shop, and replicas that are paused and killed by turns. It uses the shop that listens on PORT
// (3000), or starts one.
import { demoDatabase } from '../demo-database.js';
import { openShop, urlOf } from '../open-shop.js';
import { stopOnSignal } from '../stop-on-signal.js';
import { causeFaults } from './cause-faults.js';
import { type Tally, visitShop } from './visitors.js';

const REPORT_MS = 10_000;

async function main(): Promise<void> {
  const port = Number(process.env.PORT || 3000);
  const running = await findShop(port);
  const own = running === undefined ? await openShop(demoDatabase(process.argv.slice(2))) : undefined;
  const leaving = new AbortController();
  let visit: Promise<unknown> = Promise.resolve();
  stopOnSignal(async () => {
    leaving.abort();
    await visit;
    await own?.stop();
  });
  await own?.app.listen(port);
  const url = running ?? urlOf((own as NonNullable<typeof own>).app);
  console.log(
    `${own === undefined ? 'visiting' : 'started and visiting'} ${url}; watch ${url}/replica. Ctrl-C ends it.`,
  );
  visit = load(url, leaving.signal);
  await visit;
}

async function load(url: string, signal: AbortSignal): Promise<void> {
  const tally: Tally = { requests: 0, failed: 0, stale: 0 };
  const report = (): void =>
    console.log(
      `${tally.requests} requests, ${tally.failed} failed, ${tally.stale} did not see their own write`,
    );
  const timer = setInterval(report, REPORT_MS);
  try {
    await Promise.all([visitShop(url, tally, signal), causeFaults(url, console.log, signal)]);
  } finally {
    clearInterval(timer);
    report();
  }
}

/** Its address; `undefined` if none listens there. */
async function findShop(port: number): Promise<string | undefined> {
  const url = `http://localhost:${port}`;
  return fetch(`${url}/status`).then(
    ({ ok }) => (ok ? url : undefined),
    () => undefined,
  );
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  // A shop of its own, and that one's cluster, end with this process.
  process.exit(1);
}
