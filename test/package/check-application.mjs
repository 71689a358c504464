import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkCommandLine } from './check-command-line.mjs';
import { run } from './run.mjs';

/** Installs the tarball into a copy of the application; then type-checks, builds, tests and starts it. */
export async function checkApplication({ name, source, tarball, workDir }) {
  const cwd = join(workDir, name);
  const step = async (title, work) => {
    const startedAt = Date.now();
    const said = await work().catch((error) => {
      throw new Error(`${name}: failed at "${title}": ${error.message}`, { cause: error });
    });
    console.log(
      `${name}: ${title} (${((Date.now() - startedAt) / 1000).toFixed(1)} s)${said ? `: ${said}` : ''}`,
    );
  };
  const silently = (command, args) => async () => {
    await run(command, args, { cwd });
  };

  await cp(source, cwd, { recursive: true, filter: (path) => !/node_modules|dist$/.test(path) });
  const install = ['install', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error', tarball];
  await step('installed', silently('npm', install));
  await step('types fit', () => checkTypes(cwd));
  await step('built', silently('npm', ['run', 'build']));
  await step('its tests pass', silently('npm', ['test']));
  await step('import and require give one and the same', () => checkOneInstance(cwd));
  await step('loads no driver but that of its database', () => checkDrivers(cwd));
  await step('its command line runs', () => checkCommandLine(cwd));
  await step('runs with plain node', async () =>
    (await run(process.execPath, ['dist/main.js'], { cwd })).trim(),
  );
}

const RESOLUTIONS = {
  'as configured': [],
  nodenext: ['--module', 'nodenext', '--moduleResolution', 'nodenext'],
  bundler: ['--module', 'esnext', '--moduleResolution', 'bundler'],
};

/**
 * Checks the types of the application as it is configured, and with TypeScript's other module resolution. The library's own
 * declarations are checked, too, which `skipLibCheck` would skip. Errors in those of other packages do not count.
 */
async function checkTypes(cwd) {
  const { type } = JSON.parse(await readFile(join(cwd, 'package.json'), 'utf8'));
  for (const resolution of ['as configured', type === 'module' ? 'bundler' : 'nodenext']) {
    const args = ['--noEmit', '--pretty', 'false', '--skipLibCheck', 'false', ...RESOLUTIONS[resolution]];
    const said = await run('node_modules/.bin/tsc', args, { cwd }).catch((error) => error.message);
    const errors = said.split('\n').filter((line) => /error TS\d+/.test(line));
    const ours = errors.filter((line) => !/^node_modules\/(?!nestjs-replica\/)/.test(line));
    if (ours.length > 0) throw new Error(`types, ${resolution}:\n${ours.join('\n')}`);
  }
}

/** With two copies of a class in one process, Nest would look for a provider under the wrong one. */
async function checkOneInstance(cwd) {
  const manifest = JSON.parse(await readFile(join(cwd, 'node_modules/nestjs-replica/package.json'), 'utf8'));
  const { 'nestjs-replica': own } = JSON.parse(await readFile(join(cwd, 'package.json'), 'utf8'));
  // One of the applications has not installed the peers that others need.
  const entryPoints =
    own?.entryPoints ?? Object.keys(manifest.exports).filter((path) => path !== './package.json');
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

/** One of the applications has not installed `mysql2`, which it would need for another database. */
async function checkDrivers(cwd) {
  const { dependencies } = JSON.parse(await readFile(join(cwd, 'package.json'), 'utf8'));
  if (dependencies.typeorm === undefined) return;
  const isInstalled = dependencies.mysql2 !== undefined;
  const program = `
    import assert from 'node:assert/strict';
    import { createRequire } from 'node:module';
    import { ReplicaDataSource } from 'nestjs-replica';
    const { cache } = createRequire(process.cwd() + '/');
    const loadedOf = (driver) => Object.keys(cache).filter((path) => path.includes('/node_modules/' + driver + '/'));
    assert.deepEqual(loadedOf('pg'), []);
    const make = () => new ReplicaDataSource({ type: 'mysql', primary: { host: 'db' } });
    const missing = { code: 'REPLICA_DRIVER_NOT_INSTALLED', driver: 'mysql2' };
    if (${isInstalled}) make();
    else assert.throws(make, missing);
    assert.deepEqual(loadedOf('pg'), []);
    new ReplicaDataSource({ type: 'postgres', primary: { host: 'db' } });
    assert.notDeepEqual(loadedOf('pg'), []);`;
  await run(process.execPath, ['--input-type=module', '--eval', program], { cwd });
}
