import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPostgresCluster, type PostgresCluster } from 'nestjs-replica/testing';

const SCRIPT = path.resolve('test/integration/as-plain-pg/support/script.app.ts');

describe('a script that does not destroy its data source', () => {
  let cluster: PostgresCluster;

  beforeAll(async () => {
    cluster = await startPostgresCluster({ replicas: 1 });
  });
  afterAll(async () => {
    await cluster.stop();
  });

  async function run(extra: object): Promise<{ code: number | null; said: string; tookMs: number }> {
    const script = spawn(process.execPath, ['--import', './test/support/typescript/register.mjs', SCRIPT], {
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        SCRIPT: JSON.stringify({ urls: cluster.nodes.map(({ url }) => url), extra }),
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

  it('ends when its connections have idled for their time, and not before it is done', async () => {
    expect(await run({ idleTimeoutMillis: 300 })).toMatchObject({ code: 0, said: 'done' });
  }, 90_000);

  it('ends at once with allowExitOnIdle', async () => {
    const { tookMs, ...outcome } = await run({ allowExitOnIdle: true, idleTimeoutMillis: 300_000 });
    expect(outcome).toEqual({ code: 0, said: 'done' });
    expect(tookMs).toBeLessThan(30_000);
  }, 90_000);
});
