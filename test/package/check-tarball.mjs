import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { run } from './run.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const bin = (name) => join(root, 'node_modules/.bin', name);

/** The most that the bundle of the command line may have. */
const MAX_CLI_BYTES = 512 * 1024;

const kilobytes = (bytes) => `${(bytes / 1024).toFixed(1)} kB`;

const EXPECTED_FILE =
  /^(dist\/(esm|cjs)\/.+|dist\/cli\.(mjs|licenses\.txt)|docs\/(adr\/)?[\w-]+\.md|grafana\/(board\.json|alerts\.yml)|CHANGELOG\.md|README\.md|LICENSE|package\.json)$/;

const TYPEORM = ['typeorm', '@nestjs/typeorm'];

/** Entry points whose users have installed peers that others need not have; their declarations may name them. `''`: the main one. */
const PEERS_OF_ENTRIES = {
  '': TYPEORM,
  dashboard: TYPEORM,
  opentelemetry: ['@opentelemetry/api'],
  pool: [],
  prometheus: [...TYPEORM, 'prom-client'],
  terminus: [...TYPEORM, '@nestjs/terminus'],
};

/** Imports that wait until a function runs, as the build leaves them in ES modules and in CommonJS. */
const LATE_IMPORTS = /\bimport\("[^"]+"\)|Promise\.resolve\(\)\.then\(\(\) => __toESM\(require\("[^"]+"\)/g;

/**
 * Packs the library and unpacks the tarball beside itself.
 * @param options.isBuilt whether it need not be built first (its `prepack` script)
 */
export async function pack(workDir, { isBuilt }) {
  const args = ['pack', '--json', '--workspace', 'nestjs-replica', '--pack-destination', workDir];
  if (isBuilt) args.push('--ignore-scripts');
  const [packed] = JSON.parse(await run('npm', args, { cwd: root }));
  const path = join(workDir, packed.filename);
  await run('tar', ['-xzf', path, '-C', workDir]);
  const files = packed.files.map((file) => file.path);
  return { path, files, packedBytes: packed.size, unpackedBytes: packed.unpackedSize };
}

export async function checkTarball(tarball, workDir) {
  const sizes = `${kilobytes(tarball.packedBytes)} packed, ${kilobytes(tarball.unpackedBytes)} unpacked`;
  console.log(`tarball: ${tarball.files.length} files, ${sizes}`);

  checkFiles(tarball.files);
  const packageDir = join(workDir, 'package');
  await checkNothingLeaks(packageDir, tarball.files);
  await checkPage(packageDir);
  await checkCommandLine(packageDir);
  // Both run with all their rules.
  await run(bin('publint'), ['run', tarball.path, '--strict'], { cwd: root });
  await run(bin('attw'), [tarball.path, '--profile', 'strict', '--no-emoji'], { cwd: root });
  console.log('tarball: files, declarations, publint and attw are clean');
}

function checkFiles(files) {
  const unexpected = files.filter((file) => !EXPECTED_FILE.test(file) || /\.spec\./.test(file));
  assert.deepEqual(unexpected, [], 'files that do not belong into the tarball');
  for (const file of ['CHANGELOG.md', 'README.md', 'LICENSE', 'docs/recipes.md'])
    assert.ok(files.includes(file), `${file} is missing`);
}

/**
 * A declaration file that names an optional peer would break the type check of everyone who has not installed it (the types of
 * `pg` are a dependency). An application that loads the library must load no other entry point, nor any optional peer.
 */
async function checkNothingLeaks(packageDir, files) {
  const manifest = JSON.parse(await readFile(join(packageDir, 'package.json'), 'utf8'));
  const optionalPeers = Object.keys(manifest.peerDependenciesMeta ?? {});
  const untyped = optionalPeers.filter((peer) => manifest.dependencies?.[`@types/${peer}`] === undefined);

  for (const index of files.filter((name) => /^dist\/(esm|cjs)\/(\w+\/)?index\.d\.ts$/.test(name))) {
    const [, , folder = ''] = index.split('/').slice(0, -1);
    const others = untyped.filter((peer) => PEERS_OF_ENTRIES[folder]?.includes(peer) !== true);
    for (const file of await filesLoadedBy(join(packageDir, index))) await checkNames(file, others);
  }
  for (const format of ['esm', 'cjs'])
    for (const entry of ['', 'pool'])
      await checkLoads(join(packageDir, 'dist', format), entry, optionalPeers);
}

async function checkLoads(dist, entry, optionalPeers) {
  const loaded = await filesLoadedBy(join(dist, entry, 'index.js'));
  const others = optionalPeers.filter((peer) => !PEERS_OF_ENTRIES[entry].includes(peer));
  for (const file of loaded) await checkNames(file, others);
  const entries = ['testing', ...Object.keys(PEERS_OF_ENTRIES)].filter(
    (name) => name !== '' && name !== entry,
  );
  const strangers = loaded.filter((file) => entries.some((name) => file.startsWith(join(dist, name, '/'))));
  assert.deepEqual(strangers, [], `${entry}/index.js loads another entry point`);
}

/** What a browser loads of the live page, compressed. */
const MOST_PAGE_BYTES = 45_000;

async function checkPage(packageDir) {
  const { SCRIPT, STYLES, ICON } = await import(join(packageDir, 'dist/esm/dashboard/bundle.js'));
  const bytes = [SCRIPT, STYLES, ICON].reduce((sum, text) => sum + gzipSync(text).length, 0);
  console.log(`live page: ${kilobytes(bytes)} compressed`);
  assert.ok(bytes <= MOST_PAGE_BYTES, `the live page must have at most ${kilobytes(MOST_PAGE_BYTES)}`);
}

async function checkNames(file, packages) {
  const named = importsOf((await readFile(file, 'utf8')).replaceAll(LATE_IMPORTS, ''));
  const leaked = named.filter((name) => packages.some((one) => name === one || name.startsWith(`${one}/`)));
  assert.deepEqual(leaked, [], `${file} names an optional peer`);
}

function importsOf(source) {
  const specifiers = source.matchAll(/(?:\bfrom|\bimport|\brequire|\bimport\()\s*\(?\s*["']([^"']+)["']/g);
  return Array.from(specifiers, (match) => match[1]);
}

/** Every file of the package that `entry` imports, directly or by another. */
async function filesLoadedBy(entry, seen = new Set()) {
  if (seen.has(entry)) return [];
  seen.add(entry);
  for (const specifier of importsOf(await readFile(entry, 'utf8'))) {
    if (!specifier.startsWith('.')) continue;
    const file = join(entry, '..', specifier);
    await filesLoadedBy(entry.endsWith('.d.ts') ? file.replace(/\.js$/, '.d.ts') : file, seen);
  }
  return [...seen];
}

/** The command line is one file: whatever it needs but modules of Node is in it, and drivers are loaded when they are needed. */
async function checkCommandLine(packageDir) {
  const bundle = await readFile(join(packageDir, 'dist/cli.mjs'), 'utf8');
  const imported = Array.from(
    bundle.matchAll(/\bimport[^"'()]*?from\s*["']([^"']+)["']/g),
    (match) => match[1],
  );
  const others = imported.filter((name) => !isBuiltin(name));
  assert.deepEqual(others, [], 'dist/cli.mjs imports packages');
  assert.ok(bundle.length < MAX_CLI_BYTES, `dist/cli.mjs has ${kilobytes(bundle.length)}`);
  console.log(`command line: ${kilobytes(bundle.length)}`);
}
