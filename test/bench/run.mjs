// npm run bench -- NAME [--quick] [--json]: builds the library as it is published, compiles the benchmarks, runs one.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..');
const [name, ...flags] = process.argv.slice(2);
const names = readdirSync(here).flatMap((file) => /^(.+)\.bench\.ts$/.exec(file)?.slice(1) ?? []);
const unknown = flags.filter((flag) => flag !== '--quick' && flag !== '--json');
if (!names.includes(name ?? '') || unknown.length > 0) {
  console.error(`usage: npm run bench -- NAME [--quick] [--json], NAME one of ${names.join(', ')}`);
  process.exit(2);
}

/** Says what it does on standard error: standard output is for results. */
function step(title, command, args) {
  console.error(`--- ${title}`);
  const { status } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
}

step('building the library', process.execPath, ['libs/replica/build.mjs']);
step('compiling the benchmarks', process.execPath, [
  'node_modules/typescript/bin/tsc',
  '-p',
  'test/bench/tsconfig.build.json',
]);
const { status, signal } = spawnSync(
  process.execPath,
  ['--expose-gc', '--enable-source-maps', join(root, 'dist', 'bench', 'bench', `${name}.bench.js`), ...flags],
  { cwd: root, stdio: 'inherit' },
);
process.exit(signal === null ? (status ?? 1) : 1);
