import base from './jest.config.mjs';

/**
 * The tests that need a Docker engine.
 * @type {import('jest').Config}
 */
export default {
  ...base,
  roots: ['<rootDir>/test/containers'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  testTimeout: 180_000,
};
