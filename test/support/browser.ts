import axe from 'axe-core';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';

/** Without a sandbox, since tests may run as root; and without the browser's own talk to other hosts. */
const FLAGS = [
  '--no-sandbox',
  '--headless',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The system's Chromium, with a profile of its own that goes when it closes. */
export class Browser {
  readonly #context: BrowserContext;
  readonly #profile: string;

  private constructor(context: BrowserContext, profile: string) {
    this.#context = context;
    this.#profile = profile;
  }

  /** @param scale pixels of the screen for one of the page */
  static async open(scale = 1): Promise<Browser> {
    const executablePath = execFileSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).trim();
    const profile = mkdtempSync(join(tmpdir(), 'chromium-'));
    const context = await chromium.launchPersistentContext(profile, {
      executablePath,
      args: FLAGS,
      deviceScaleFactor: scale,
    });
    return new Browser(context, profile);
  }

  /** A page that notes whatever it may not do. */
  async newPage(): Promise<WatchedPage> {
    return WatchedPage.of(await this.#context.newPage());
  }

  async close(): Promise<void> {
    await this.#context.close();
    rmSync(this.#profile, { recursive: true, force: true });
  }
}

/** A page, and what went wrong in it. */
export class WatchedPage {
  /** Errors, warnings and reports of broken policies, as the console has them. */
  readonly complaints: string[] = [];
  /** Where it sent requests: `host:port`. */
  readonly hosts = new Set<string>();

  private constructor(readonly page: Page) {
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('request', (request) => this.hosts.add(new URL(request.url()).host));
  }

  static async of(page: Page): Promise<WatchedPage> {
    await page.addInitScript(`addEventListener('securitypolicyviolation', (event) =>
      console.error('policy: ' + event.violatedDirective + ' ' + event.blockedURI))`);
    return new WatchedPage(page);
  }

  /** What axe finds against WCAG 2.2 AA, and against good practice. */
  async violations(): Promise<string[]> {
    // The page's policy forbids a script element; this is none.
    await this.page.evaluate(axe.source);
    const { violations, passes } = (await this.page.evaluate('axe.run()')) as axe.AxeResults;
    if (passes.length < 10)
      throw new Error(`axe found next to nothing to look at: ${passes.length} rules passed`);
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  }
}
