// npm run docs:pictures [-- SECONDS]: opens the shop, sends it visitors, and takes the pictures of docs/pictures from its live page.
// SECONDS: how long the visitors are there before, so that the charts have something to show.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { causeFaults } from '../../../apps/shop/src/demo/load/cause-faults.js';
import { visitShop } from '../../../apps/shop/src/demo/load/visitors.js';
import { openShop, urlOf } from '../../../apps/shop/src/demo/open-shop.js';
import { Browser } from '../browser.js';

const FOLDER = 'docs/pictures';
const SECONDS = Number(process.argv[2] ?? 300);

/** Longer than a replica is away: see the steps of causeFaults(). */
const MAX_WAIT = { timeout: 120_000 };

async function main(): Promise<void> {
  const shop = await openShop();
  const leaving = new AbortController();
  let browser: Browser | undefined;
  try {
    await shop.app.listen(0);
    const url = urlOf(shop.app);
    const tally = { requests: 0, failed: 0, stale: 0 };
    const load = Promise.all([
      visitShop(url, tally, leaving.signal),
      causeFaults(url, console.log, leaving.signal),
    ]);
    await sleep(SECONDS * 1_000);
    browser = await Browser.open();
    const { page } = await browser.newPage();
    await page.goto(`${url}/replica`);
    await takeAll(page);
    leaving.abort();
    await load;
  } finally {
    await browser?.close();
    await shop.stop();
  }
}

async function takeAll(page: Page): Promise<void> {
  await page.setViewportSize({ width: 1280, height: 1040 });
  await page.locator('.health[data-level="bad"], .health[data-level="warning"]').waitFor(MAX_WAIT);
  await page.locator('.node[data-level="bad"]').waitFor(MAX_WAIT);
  await page.locator('.health').screenshot({ path: pathOf('degraded') });

  await page.locator('.health[data-level="good"]').waitFor(MAX_WAIT);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    // A moment for the charts, which take the colours of their theme.
    await sleep(1_500);
    await page.screenshot({ path: pathOf(`page-${colorScheme}`) });
  }
  await page.emulateMedia({ colorScheme: 'light' });
  for (const section of ['reasons', 'events'])
    await page.locator(`section[aria-labelledby="${section}"]`).screenshot({ path: pathOf(section) });
}

function pathOf(name: string): string {
  return join(FOLDER, `dashboard-${name}.png`);
}

await main();
