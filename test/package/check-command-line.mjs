import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const NOBODY = 'postgres://app:hunter2@127.0.0.1:1/shop';

const FILES = {
  'replicas.cjs': `const { ReplicaDataSource } = require('nestjs-replica');
    exports.source = new ReplicaDataSource({
      type: 'postgres', primary: { url: '${NOBODY}' }, replicas: [{ name: 'r1', url: '${NOBODY}' }] });`,
  'plain.mjs': `import { DataSource } from 'typeorm';
    export default Promise.resolve(new DataSource({
      type: 'postgres', replication: { master: { url: '${NOBODY}' }, slaves: [{ name: 'r1', url: '${NOBODY}' }] } }));`,
  'two.cjs': `const { DataSource } = require('typeorm');
    exports.a = new DataSource({ type: 'postgres' }); exports.b = new DataSource({ type: 'postgres' });`,
};

/** Runs the installed command line of an application as its users do. */
export async function checkCommandLine(cwd) {
  const { version } = JSON.parse(
    await readFile(join(cwd, 'node_modules/nestjs-replica/package.json'), 'utf8'),
  );
  const { dependencies } = JSON.parse(await readFile(join(cwd, 'package.json'), 'utf8'));
  for (const [name, text] of Object.entries(FILES)) await writeFile(join(cwd, name), text);

  const { out: told } = await command(cwd, '--version');
  assert.equal(told.trim(), version);
  const explained = await command(cwd, 'explain', '--json', 'SELECT * FROM orders');
  assert.deepEqual([explained.code, JSON.parse(explained.out).tables], [0, ['orders']]);

  const sources = sourcesOf(dependencies);
  for (const source of sources) {
    const { code, out } = await command(cwd, 'status', '--json', ...source);
    const { primary, replicas } = JSON.parse(out).dataSources[0].topology;
    assert.deepEqual([code, primary.health, replicas.length], [2, 'down', 1], source.join(' '));
    assert.ok(!out.includes('hunter2'));
  }
  if (dependencies.typeorm !== undefined) {
    const two = await command(cwd, 'status', '-d', 'two.cjs');
    assert.equal(two.code, 3);
    assert.match(two.err, /has to export exactly one DataSource or ReplicaDataSource, and exports 2\n$/);
  }

  const other = await command(cwd, 'check', '--primary', 'mysql://127.0.0.1:1/shop');
  if (dependencies.mysql2 === undefined)
    assert.match(other.err, /mysql2 cannot be loaded.*npm install mysql2/);
  else assert.equal(other.code, 2);

  assert.equal(await codeAfterInterrupt(cwd, sources[0]), 0);
  return `--help takes ${await helpMs(cwd)} ms`;
}

/** How an application names its nodes: in a file of TypeORM's, where it has TypeORM. */
function sourcesOf({ typeorm }) {
  return typeorm === undefined
    ? [['--primary', NOBODY, '--replica', NOBODY]]
    : [
        ['-d', 'replicas.cjs'],
        ['-d', 'plain.mjs'],
      ];
}

const binOf = (cwd) => join(cwd, 'node_modules/.bin/nestjs-replica');

function command(cwd, ...args) {
  return new Promise((resolve) => {
    execFile(binOf(cwd), args, { cwd, timeout: 60_000 }, (error, out, err) =>
      resolve({ code: error === null ? 0 : error.code, out, err }),
    );
  });
}

/** What `status --watch` ends with on Ctrl+C. */
async function codeAfterInterrupt(cwd, source) {
  const child = spawn(binOf(cwd), ['status', '--watch', ...source], {
    cwd,
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 60_000,
  });
  await once(child.stdout, 'data');
  child.kill('SIGINT');
  child.stdout.resume();
  const [code, signal] = await once(child, 'close');
  return signal ?? code;
}

async function helpMs(cwd) {
  const beganMs = performance.now();
  await command(cwd, '--help');
  return Math.round(performance.now() - beganMs);
}
