import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import request from 'supertest';
import { findTraces } from '../../integration/testing/support/traces.js';
import { until } from '../../support/until.js';
import { Program } from './support/program.js';

let temporaryFolder: string;
let load: Program | undefined;

beforeAll(() => {
  temporaryFolder = mkdtempSync(join(tmpdir(), 'shop-load-'));
  // Servers that root starts run as another user, who has to get in.
  chmodSync(temporaryFolder, 0o755);
});

afterAll(async () => {
  await load?.kill();
  rmSync(temporaryFolder, { recursive: true, force: true });
});

it('npm run demo:load starts a shop, visits it, and leaves nothing at Ctrl-C', async () => {
  load = new Program({ folder: process.cwd(), temporaryFolder }, ['npm', 'run', 'demo:load']);
  const [, url = ''] = await load.line(/^started and visiting (http:\S+);/);
  const replicas = async (): Promise<{ name: string; health: string }[]> =>
    (await request(url).get('/status')).body.replicas;
  await until(
    async () => (await request(url).get('/replica/state')).body.dataSources[0].stats.routes.length > 3,
    'visits',
  );
  expect((await replicas()).map(({ name }) => name)).toEqual(['replica-1', 'replica-2']);

  await request(url).post('/demo/replicas/replica-1/kill').expect(204);
  await until(async () => (await replicas())[0]?.health === 'down', 'the replica is down');
  await request(url).post('/demo/replicas/replica-1/start').expect(204);
  await request(url).post('/demo/replicas/replica-9/kill').expect(404);
  await request(url).post('/demo/replicas/replica-1/toString').expect(404);

  load.signalGroup('SIGINT');
  expect(await load.ended).toBe(0);
  expect(load.output).toMatch(/\n\d+ requests, 0 failed, 0 did not see their own write\nstopped$/);
  expect(findTraces(temporaryFolder)).toEqual({ folders: [], processes: [] });
});
