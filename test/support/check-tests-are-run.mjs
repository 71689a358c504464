// Fails when a file that is named like a test is listed by no runner: such a file looks like a promise and checks nothing.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const jest = join(root, 'node_modules/jest/bin/jest.js');

const NAMED_LIKE_A_TEST = /[.-](spec|test)\.[cm]?[jt]sx?$/;
const NOT_OURS = new Set(['node_modules', 'dist', 'coverage']);
// These applications bring a Jest of their own, which `npm run check:package` runs.
const RUN_BY_CHECK_PACKAGE = 'test/package/apps/';

function* filesBelow(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name.startsWith('.') || NOT_OURS.has(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else yield relative(root, path).split(sep).join('/');
  }
}

function listedBy(config) {
  const args = ['--experimental-vm-modules', jest, '--config', config, '--listTests', '--json'];
  const listed = execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  return JSON.parse(listed).map((path) => relative(root, path).split(sep).join('/'));
}

const configs = ['jest.config.mjs', 'jest.containers.config.mjs'].filter((file) =>
  existsSync(join(root, file)),
);
const run = new Set(configs.flatMap(listedBy));
const tests = [...filesBelow(root)].filter(
  (file) => NAMED_LIKE_A_TEST.test(file) && !file.startsWith(RUN_BY_CHECK_PACKAGE),
);
const forgotten = tests.filter((file) => !run.has(file));

if (forgotten.length > 0) {
  console.error(`No runner picks up: ${forgotten.join(', ')}\n(looked into ${configs.join(', ')})`);
  process.exitCode = 1;
} else {
  console.log(`${tests.length} test files, each of them listed by ${configs.join(' or ')}`);
}
