import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Programs that tests start by a command, and the tests that are left out where it is missing. */
const programs = [
  { command: 'redis-server', package: 'redis-server', tests: ['<rootDir>/test/redis/'] },
  { command: 'promtool', package: 'prometheus', tests: ['<rootDir>/test/grafana/rules\\.spec\\.ts$'] },
  {
    command: 'mariadbd',
    package: 'mariadb-server-core',
    tests: ['<rootDir>/test/mysql/', '<rootDir>/test/.*mariadb[^/]*\\.spec\\.ts$'],
  },
  { command: 'chromium', package: 'chromium', tests: ['<rootDir>/test/browser/'] },
];

function isInstalled(command) {
  return [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'].some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

// `npm run check:tests` lists all tests, whether they can run here or not.
const missing = process.argv.includes('--listTests') ? [] : programs.filter((it) => !isInstalled(it.command));
for (const { command, package: name, tests } of missing) {
  process.stderr.write(
    `There is no ${command} here (Debian: apt-get install ${name}), so these are left out: ${tests.join(', ')}\n`,
  );
}

/** @type {import('jest').Config} */
export default {
  rootDir: '.',
  roots: ['<rootDir>/libs', '<rootDir>/apps', '<rootDir>/test'],
  testMatch: ['**/*.spec.ts'],
  testPathIgnorePatterns: [
    '/node_modules/',
    '/dist/',
    '<rootDir>/test/package/apps/',
    '<rootDir>/test/containers/',
    ...missing.flatMap(({ tests }) => tests),
  ],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^nestjs-replica$': '<rootDir>/libs/replica/src/index.ts',
    '^nestjs-replica/pool$': '<rootDir>/libs/replica/src/pool/index.ts',
    '^nestjs-replica/opentelemetry$': '<rootDir>/libs/replica/src/opentelemetry/index.ts',
    '^nestjs-replica/prometheus$': '<rootDir>/libs/replica/src/prometheus/index.ts',
    '^nestjs-replica/terminus$': '<rootDir>/libs/replica/src/terminus/index.ts',
    '^nestjs-replica/dashboard$': '<rootDir>/libs/replica/src/dashboard/index.ts',
    '^nestjs-replica/testing$': '<rootDir>/libs/replica/src/testing/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          keepClassNames: true,
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  testEnvironment: '<rootDir>/test/support/quiet/quiet-environment.mjs',
  coverageProvider: 'v8',
  // For a machine that is busy: nothing takes so long by itself.
  testTimeout: 120_000,
  // More than a small machine has processors: tests that start servers wait much of their time.
  maxWorkers: 3,
  testSequencer: '<rootDir>/test/support/longest-first.mjs',
  // Node frees no module of a suite that has ended: a worker that has grown makes room for another one.
  workerIdleMemoryLimit: '1GB',
};
