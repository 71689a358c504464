// npm run bench -- NAME [--quick] [--json]: builds the library as it is published, compiles the benchmarks, runs one.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { constants } from 'node:os';
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

let running;
let interruptedBy;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  // After an interrupt, this process ends only when the benchmark has cleaned up.
  process.on(signal, () => {
    interruptedBy ??= signal;
    running?.kill(signal);
  });
}

/** Runs one program to its end. Ends this process if the program fails or is interrupted. */
async function run(args, stdio) {
  running = spawn(process.execPath, args, { cwd: root, stdio });
  const [status] = await once(running, 'exit');
  if (interruptedBy !== undefined) process.exit(128 + constants.signals[interruptedBy]);
  if (status !== 0) process.exit(status ?? 1);
}

/** Prints progress on standard error, because standard output is for results. */
async function step(title, args) {
  console.error(`--- ${title}`);
  await run(args, ['ignore', 2, 2]);
}

await step('building the library', ['libs/replica/build.mjs']);
await step('compiling the benchmarks', [
  'node_modules/typescript/bin/tsc',
  '-p',
  'test/bench/tsconfig.build.json',
]);
const compiled = join(root, 'dist', 'bench', 'test', 'bench', `${name}.bench.js`);
await run(['--expose-gc', '--enable-source-maps', compiled, ...flags], 'inherit');
