import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './run.mjs';

/** Installs the tarball into a copy of the application; then type-checks, tests, builds and starts it. */
export async function checkApplication({ name, source, tarball, workDir }) {
  const startedAt = Date.now();
  const cwd = join(workDir, name);
  const step = async (title, command, args) => {
    const output = await run(command, args, { cwd });
    console.log(`${name}: ${title}`);
    return output;
  };

  await cp(source, cwd, { recursive: true, filter: (path) => !/node_modules|dist$/.test(path) });
  const install = ['install', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error', tarball];
  await step('installed', 'npm', install);
  await checkTypes(cwd);
  console.log(`${name}: types fit`);
  await step('built', 'npm', ['run', 'build']);
  await step('its Jest passes', 'npm', ['test']);
  await checkOneInstance(cwd);
  console.log(`${name}: import and require give one and the same`);
  const said = await run(process.execPath, ['dist/main.js'], { cwd });
  console.log(`${name}: runs with plain node: ${said.trim()}`);
  console.log(`${name}: done in ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
}

/**
 * The application is checked as it stands and as `nodenext` resolves it; the library's own declarations are checked
 * too, which `skipLibCheck` would pass over. Declarations of other packages may have errors: they are not ours.
 */
async function checkTypes(cwd) {
  const tsc = (...args) => run('node_modules/.bin/tsc', ['--noEmit', '--pretty', 'false', ...args], { cwd });
  await tsc();
  const nodenext = ['--module', 'nodenext', '--moduleResolution', 'nodenext'];
  await tsc(...nodenext);
  for (const resolution of [[], nodenext]) {
    const errors = await tsc('--skipLibCheck', 'false', ...resolution).catch((error) => error.message);
    const ours = errors.split('\n').filter((line) => line.startsWith('node_modules/nestjs-replica/'));
    if (ours.length > 0) throw new Error(`errors in the library's declarations:\n${ours.join('\n')}`);
  }
}

/** Two copies of a class in one process would make Nest look for a provider under the wrong one. */
async function checkOneInstance(cwd) {
  const manifest = JSON.parse(await readFile(join(cwd, 'node_modules/nestjs-replica/package.json'), 'utf8'));
  const entryPoints = Object.keys(manifest.exports).filter((path) => path !== './package.json');
  const program = `
    import assert from 'node:assert/strict';
    import { createRequire } from 'node:module';
    const require = createRequire(process.cwd() + '/');
    for (const path of ${JSON.stringify(entryPoints)}) {
      const specifier = 'nestjs-replica' + path.slice(1);
      const imported = await import(specifier);
      const required = require(specifier);
      const names = Object.keys(required);
      assert.ok(names.length > 0, specifier + ' exports nothing');
      for (const name of names) assert.equal(imported[name], required[name], specifier + ': ' + name);
    }`;
  await run(process.execPath, ['--input-type=module', '--eval', program], { cwd });
}
