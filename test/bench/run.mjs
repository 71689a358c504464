// npm run bench -- NAME [--quick] [--json] [--node VERSION] [--database mariadb]: builds the library as it is published, compiles the benchmarks, runs
// one. VERSION: a version or a major number of Node, which npm fetches as a package. All processes of the benchmark run on it.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { constants, loadavg } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..');
const [name, ...rest] = process.argv.slice(2);
const flags = [...rest];
const version = takeValue('--node');
const database = takeValue('--database');

/** Removes a flag and its value from the flags. Returns the value; `undefined` without the flag. */
function takeValue(flag) {
  const at = flags.indexOf(flag);
  return at < 0 ? undefined : (flags.splice(at, 2)[1] ?? '');
}

/** The benchmarks that run on MariaDB, too. */
const ON_MARIADB = ['faults', 'http', 'offload', 'overload', 'reads', 'scaleout', 'writes'];
const names = readdirSync(here).flatMap((file) => /^(.+)\.bench\.ts$/.exec(file)?.slice(1) ?? []);
const unknown = flags.filter((flag) => flag !== '--quick' && flag !== '--json');
const isBadVersion = version !== undefined && !/^\d+(?:\.\d+){0,2}$/.test(version);
const isBadDatabase = database !== undefined && !(database === 'mariadb' && ON_MARIADB.includes(name));
if (!names.includes(name ?? '') || unknown.length > 0 || isBadVersion || isBadDatabase) {
  console.error(
    `usage: npm run bench -- NAME [--quick] [--json] [--node VERSION] [--database mariadb], NAME one of ${names.join(', ')}, VERSION such as 24; ` +
      `on MariaDB: ${ON_MARIADB.join(', ')}`,
  );
  process.exit(2);
}

// The load that the benchmark tells must not be that of its own build.
const env = {
  ...process.env,
  BENCH_LOAD_BEFORE: String(loadavg()[0]),
  BENCH_DATABASE: database ?? 'postgres',
};
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
async function run(args, stdio, program = process.execPath) {
  running = spawn(program, args, { cwd: root, env, stdio });
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
/** The path of the Node that runs the benchmark. */
function nodeOf(wanted) {
  if (wanted === undefined) return process.execPath;
  console.error(`--- fetching Node ${wanted}`);
  const npm = ['exec', '--yes', `--package=node@${wanted}`, '--', 'node', '-p', 'process.execPath'];
  return execFileSync('npm', npm, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 2] }).trim();
}

const compiled = join(root, 'dist', 'bench', 'test', 'bench', `${name}.bench.js`);
await run(['--expose-gc', '--enable-source-maps', compiled, ...flags], 'inherit', nodeOf(version));
