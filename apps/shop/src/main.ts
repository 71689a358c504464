import { demoDatabase } from './demo/demo-database.js';
import { openShop } from './demo/open-shop.js';
import { printWhatToTry } from './demo/print-what-to-try.js';
import { stopOnSignal } from './demo/stop-on-signal.js';

async function main(): Promise<void> {
  const { app, stop } = await openShop(demoDatabase(process.argv.slice(2)));
  stopOnSignal(stop);
  await app.listen(Number(process.env.PORT || 3000));
  printWhatToTry(app);
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  // The demo's own cluster ends with this process.
  process.exit(1);
}
