import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { useCluster } from '../../support/cluster/use-cluster.js';

const SCRIPT = path.resolve('test/integration/as-plain-pg/support/script.app.ts');
const DATA_SOURCE = 'test/integration/as-plain-pg/support/data-source.app.ts';
const COMMAND_LINE = path.resolve('node_modules/typeorm/cli.js');

const cluster = useCluster({ replicas: 1 });

/** How a process ended that was given these arguments and settings. */
async function runProcess(
  args: readonly string[],
  settings: object,
): Promise<{ code: number | null; said: string; tookMs: number }> {
  const script = spawn(process.execPath, ['--import', './test/support/typescript/register.mjs', ...args], {
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      SCRIPT: JSON.stringify({ urls: cluster.nodes.map(({ url }) => url), ...settings }),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 60_000,
  });
  const exited = once(script, 'exit') as Promise<[number | null]>;
  let saidMs = 0;
  script.stdout.once('data', () => (saidMs = performance.now()));
  const [said, [code]] = await Promise.all([text(script.stdout), exited]);
  return { code, said, tookMs: performance.now() - saidMs };
}

describe('a script that does not destroy its data source', () => {
  const run = (extra: object) => runProcess([SCRIPT], { extra });

  it('ends when its connections have idled for their time, and not before it is done', async () => {
    expect(await run({ idleTimeoutMillis: 300 })).toMatchObject({ code: 0, said: 'done' });
  }, 90_000);

  it('ends at once with allowExitOnIdle', async () => {
    const { tookMs, ...outcome } = await run({ allowExitOnIdle: true, idleTimeoutMillis: 300_000 });
    expect(outcome).toEqual({ code: 0, said: 'done' });
    expect(tookMs).toBeLessThan(30_000);
  }, 90_000);
});

describe("TypeORM's command line", () => {
  const clearCache = (cache: boolean) =>
    runProcess([COMMAND_LINE, 'cache:clear', '-d', DATA_SOURCE], { cache });

  it('clears the result cache, and ends', async () => {
    await cluster.primary.query(
      'CREATE TABLE "query-result-cache" (id serial PRIMARY KEY, identifier varchar, time bigint, duration int, query text, result text)',
    );
    await cluster.primary.query(`INSERT INTO "query-result-cache" (query, result) VALUES ('SELECT 1', '[]')`);
    expect(await clearCache(true)).toMatchObject({ code: 0, said: expect.stringContaining('cleared') });
    // The mark of what was removed has no query.
    expect(await cluster.primary.query(`SELECT * FROM "query-result-cache" WHERE query <> ''`)).toEqual([]);
  }, 90_000);

  it('ends where there is none, though TypeORM then destroys nothing', async () => {
    const { code, said } = await clearCache(false);
    expect({ code, said }).toEqual({ code: 0, said: expect.stringContaining('Cache is not enabled') });
  }, 90_000);
});
