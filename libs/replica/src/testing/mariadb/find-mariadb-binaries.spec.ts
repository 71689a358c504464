import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findMariadbBinaries } from './find-mariadb-binaries.js';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'binaries-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

it('says what to install while a program is missing, and finds both afterwards', async () => {
  const [mariadbd, installDb] = [path.join(folder, 'mariadbd'), path.join(folder, 'mariadb-install-db')];
  await expect(findMariadbBinaries(['/nowhere', folder])).rejects.toMatchObject({
    code: 'REPLICA_TEST_CLUSTER_BACKEND_UNAVAILABLE',
    message: expect.stringMatching(/no mariadbd on the PATH .*apt-get install mariadb-server-core/),
  });
  writeFileSync(mariadbd, '', { mode: 0o755 });
  writeFileSync(installDb, '', { mode: 0o644 });
  await expect(findMariadbBinaries([folder])).rejects.toThrow('no mariadb-install-db on the PATH');
  rmSync(installDb);
  writeFileSync(installDb, '', { mode: 0o755 });
  expect(await findMariadbBinaries(['/nowhere', folder])).toEqual({ mariadbd, installDb });
});
