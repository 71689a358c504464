import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

function isOnPath(command) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

// `npm run check:tests` lists all tests, whether they can run here or not.
const leavesOutRedis = !isOnPath('redis-server') && !process.argv.includes('--listTests');
if (leavesOutRedis) {
  process.stderr.write(
    'There is no redis-server here (Debian: apt-get install redis-server): test/redis is left out.\n',
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
    ...(leavesOutRedis ? ['<rootDir>/test/redis/'] : []),
  ],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^nestjs-replica$': '<rootDir>/libs/replica/src/index.ts',
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
  maxWorkers: 2,
  // Node frees no module of a suite that has ended: a worker that has grown makes room for another one.
  workerIdleMemoryLimit: '1GB',
};
