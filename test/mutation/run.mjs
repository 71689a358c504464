// `npm run mutants [-- NAME...]`: breaks the library on purpose, one line at a time, and shows that the tests notice.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MUTANTS } from './mutants.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !MUTANTS.some((mutant) => mutant.name === name));
if (unknown.length > 0) {
  process.stderr.write(
    `There is no mutant ${unknown.join(', ')}; there are ${MUTANTS.map(({ name }) => name).join(', ')}.\n`,
  );
  process.exit(2);
}

/** A copy of the sources and tests, which shares the installed packages. */
function copyProject() {
  const folder = mkdtempSync(join(tmpdir(), 'nestjs-replica-mutants-'));
  for (const name of ['libs', 'apps', 'test', 'package.json', 'jest.config.mjs', 'tsconfig.json']) {
    cpSync(join(root, name), join(folder, name), {
      recursive: true,
      filter: (path) => !/[/\\](node_modules|dist)$/.test(path),
    });
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'dir');
  return folder;
}

/** Whether the tests pass in the copy. */
function testsPass(folder, tests) {
  const jest = join('node_modules', 'jest', 'bin', 'jest.js');
  const run = spawnSync(
    process.execPath,
    [
      '--experimental-vm-modules',
      '--disable-warning=ExperimentalWarning',
      jest,
      '--bail',
      '--silent',
      ...tests,
    ],
    { cwd: folder, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  );
  if (run.error !== undefined) throw run.error;
  if (!/^Tests:\s+.*\d+ (passed|failed)/m.test(run.stderr)) throw new Error(`no test ran:\n${run.stderr}`);
  return { pass: run.status === 0, failed: /^\s*● (.+)$/m.exec(run.stderr)?.[1] };
}

const folder = copyProject();
process.on('SIGINT', () => process.exit(130));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
let survivors = 0;
const mutants = MUTANTS.filter(({ name }) => asked.length === 0 || asked.includes(name));
const tests = [...new Set(mutants.flatMap((mutant) => mutant.tests))];
process.stdout.write(`Without any change: ${tests.join(', ')}\n`);
if (!testsPass(folder, tests).pass) {
  process.stderr.write('The tests fail as it is: mend that first.\n');
  process.exit(1);
}
for (const mutant of mutants) {
  const file = join(folder, mutant.file);
  const source = readFileSync(file, 'utf8');
  if (source.split(mutant.from).length !== 2) {
    throw new Error(`${mutant.file} has not exactly one ${JSON.stringify(mutant.from)} to change`);
  }
  writeFileSync(
    file,
    source.replace(mutant.from, () => mutant.to),
  );
  const { pass, failed } = testsPass(folder, mutant.tests);
  writeFileSync(file, source);
  if (pass) survivors++;
  process.stdout.write(
    `${pass ? 'SURVIVES' : 'found'}  ${mutant.name}: ${mutant.what}${pass ? '' : ` (${failed})`}\n`,
  );
}
process.stdout.write(`${mutants.length - survivors} of ${mutants.length} mutants were found.\n`);
process.exitCode = survivors === 0 ? 0 : 1;
