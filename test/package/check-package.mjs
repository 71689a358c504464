// Checks the library as its users get it: packs it, looks into the tarball, and installs it into applications of both
// module systems. An argument limits it to the applications of that name: `npm run check:package -- nest12-esm`. `--built` packs what
// `npm run build` has made.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkApplication } from './check-application.mjs';
import { checkTarball, pack } from './check-tarball.mjs';

const appsDir = fileURLToPath(new URL('./apps/', import.meta.url));
const args = process.argv.slice(2);
const wanted = args.filter((arg) => arg !== '--built');
const apps = (await readdir(appsDir)).filter((name) => wanted.length === 0 || wanted.includes(name));
if (apps.length === 0)
  throw new Error(`no application of the name ${wanted.join(' or ')} in test/package/apps`);

const workDir = await mkdtemp(join(tmpdir(), 'nestjs-replica-package-'));
try {
  const tarball = await pack(workDir, { isBuilt: args.includes('--built') });
  await checkTarball(tarball, workDir);
  const checks = apps.map((name) =>
    checkApplication({ name, source: join(appsDir, name), tarball: tarball.path, workDir }),
  );
  // All of them have to end before their folder is removed.
  const failed = (await Promise.allSettled(checks)).filter((check) => check.status === 'rejected');
  for (const { reason } of failed) console.error(reason.message);
  if (failed.length > 0) process.exitCode = 1;
} finally {
  await rm(workDir, { recursive: true, force: true });
}
