// npm run matrix [-- [--built] [--no-page] ROW...]: runs rows of the matrix (rows.json), all of them without a number, against the
// library as it is packed, and writes what they came to into docs/compatibility.md. `--no-page` leaves the page alone; `--built` packs
// what `npm run build` has made.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pack } from '../package/check-tarball.mjs';
import { checkRow } from './application.mjs';
import { cellsOf, writeResults } from './page.mjs';

const { rows } = JSON.parse(await readFile(new URL('./rows.json', import.meta.url), 'utf8'));
const args = process.argv.slice(2);
const numbers = args.filter((arg) => !['--built', '--no-page'].includes(arg)).map(Number);
const unknown = numbers.filter((number) => rows[number - 1] === undefined);
if (unknown.length > 0 || process.platform !== 'linux' || process.arch !== 'x64') {
  console.error(
    `usage: npm run matrix [-- [--built] [--no-page] ROW...], ROW from 1 to ${rows.length}; on Linux, x64`,
  );
  process.exit(2);
}

const workDir = await mkdtemp(join(tmpdir(), 'nestjs-replica-matrix-'));
const results = new Map();
try {
  const tarball = await pack(workDir, { isBuilt: args.includes('--built') });
  for (const number of numbers.length > 0 ? numbers : rows.map((_, index) => index + 1)) {
    const row = rows[number - 1];
    const [, node, postgres, typeorm, nest, pg] = cellsOf(row, number);
    const title = `row ${number}: Node ${node}, PostgreSQL ${postgres}, TypeORM ${typeorm}, Nest ${nest}, pg ${pg}`;
    const startedAt = Date.now();
    const cwd = join(workDir, `row-${number}`);
    const { passed, failed, said } = await checkRow(row, { tarball: tarball.path, cwd }).catch((error) => ({
      passed: 0,
      failed: Number.NaN,
      said: error.message,
    }));
    await rm(cwd, { recursive: true, force: true });
    const isGood = failed === 0 && passed > 0;
    results.set(
      number,
      isGood ? `${passed} passed` : `**${Number.isNaN(failed) ? 'could not run' : `${failed} failed`}**`,
    );
    console.log(`${title}: ${results.get(number)} (${((Date.now() - startedAt) / 1000).toFixed(0)} s)`);
    if (!args.includes('--no-page')) await writeResults(rows, results);
    if (isGood) continue;
    console.error(said);
    process.exitCode = 1;
  }
} finally {
  await rm(workDir, { recursive: true, force: true });
}
