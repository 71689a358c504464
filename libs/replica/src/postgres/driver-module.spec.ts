import { expect, it } from '@jest/globals';
import type pg from 'pg';
import { createPlainDriver } from './driver-module.js';
import { importPg } from './pg-module.js';

await importPg();

it('a plain pool never repeats a misplaced password', async () => {
  const { Pool } = createPlainDriver({
    connectionString: 'postgres://app@127.0.0.1:1/shop?sslrootcert=/Open!Sesame99',
  }) as { Pool: new () => pg.Pool };
  const pool = new Pool();
  const failure: unknown = await (async () => pool.connect())().catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'ENOENT', message: expect.stringContaining('not shown') });
  expect(JSON.stringify([String(failure), (failure as Error).stack])).not.toContain('Sesame');
  await pool.end();
});
