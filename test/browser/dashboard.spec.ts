import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { CanActivate } from '@nestjs/common';
import { ReplicaDashboardModule } from 'nestjs-replica/dashboard';
import type { Page } from 'playwright-core';
import { PLATFORMS, startLedger } from '../support/app/start-app.js';
import type { TestApp } from '../support/app/test-app.js';
import { Browser, type WatchedPage } from '../support/browser.js';
import { useLedgerCluster } from '../support/cluster/use-cluster.js';

const cluster = useLedgerCluster({ replicas: 2, count: 5 });

const anybody: CanActivate = { canActivate: () => true };

let browser: Browser;
beforeAll(async () => {
  browser = await Browser.open();
});
afterAll(() => browser?.close());

describe.each(PLATFORMS)('the page in a browser, on %s', (platform) => {
  let app: TestApp;
  let watched: WatchedPage;
  let page: Page;

  beforeAll(async () => {
    const dashboard = ReplicaDashboardModule.forRoot({ guards: [anybody], actions: true });
    app = await startLedger(
      cluster,
      {},
      { platform, imports: [dashboard], configure: (nest) => void nest.setGlobalPrefix('api') },
    );
    for (let turn = 0; turn < 5; turn++) await app.get('/api/accounts/1');
    watched = await browser.newPage();
    ({ page } = watched);
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.goto(`${await app.nest.getUrl()}/api/replica`);
  });

  afterAll(async () => {
    await page?.close();
    await app?.close();
  });

  const cardOf = (name: string): ReturnType<Page['locator']> => page.locator(`[data-node="${name}"]`);
  const untilSays = (name: string, word: string): Promise<void> =>
    cardOf(name).locator('.standing', { hasText: word }).waitFor();

  it('shows the health and each node', async () => {
    await page.locator('.health', { hasText: '2 of 2 serving' }).waitFor();
    expect(await page.locator('.health').innerText()).toMatch(/^Healthy\./);
    expect(await page.locator('.node h3').allInnerTexts()).toEqual(['primary', 'replica-1', 'replica-2']);
    expect(await page.locator('footer').innerText()).toContain(`:${process.pid}`);
    expect(await page.locator('.bars').first().innerText()).toMatch(/\w+\./);
  });

  it('drains and resumes a replica by the keyboard and by click', async () => {
    const button = cardOf('replica-1').getByRole('button');
    await button.focus();
    await page.keyboard.press('Enter');
    await untilSays('replica-1', 'Draining');
    expect(app.router.topology().replicas[0]?.isDraining).toBe(true);
    await cardOf('replica-1').getByRole('button', { name: 'Resume replica-1' }).click();
    await untilSays('replica-1', 'Serving');
  });

  it('shows that a replica was killed, tells it to those who listen, and that it is back', async () => {
    await cluster.replicas[1]?.kill();
    await untilSays('replica-2', 'Down');
    await page.locator('.health', { hasText: 'Degraded. replica-2 is down' }).waitFor();
    await page.locator('[aria-live="polite"]', { hasText: 'replica-2 is out of rotation' }).waitFor();
    await cluster.replicas[1]?.start();
    await untilSays('replica-2', 'Serving');
    expect(await page.locator('.events').innerText()).toContain('replica-2 is out of rotation');
  });

  if (platform === 'express') {
    // What the browser makes of the page does not depend on the platform.
    it.each([
      ['light', 1280],
      ['dark', 1280],
      ['light', 360],
      ['dark', 3840],
    ] as const)('is accessible to all: %s, %i pixels wide', async (colorScheme, width) => {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      for (const summary of await page.locator('summary').all()) await summary.click();
      expect(await watched.violations()).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    });

    it('asks before it moves all load to the primary', async () => {
      await page.getByRole('button', { name: 'Switch routing off…' }).click();
      expect(app.router.isEnabled).toBe(true);
      await page.getByRole('button', { name: 'Switch routing off', exact: true }).click();
      await page.locator('.health', { hasText: 'Routing is off.' }).waitFor();
      await page.getByRole('button', { name: 'Let reads leave the primary again' }).click();
      await page.locator('.health', { hasText: 'Healthy.' }).waitFor();
    });
  }

  it('broke no policy, had no error, and asked no other host', async () => {
    expect(watched.complaints).toEqual([]);
    expect([...watched.hosts]).toEqual([new URL(await app.nest.getUrl()).host]);
  });

  it('says when the application does not answer any more', async () => {
    await app.close();
    await page.locator('.link', { hasText: 'No answer since' }).waitFor();
    expect(await page.locator('.node').count()).toBe(3);
  });
});
