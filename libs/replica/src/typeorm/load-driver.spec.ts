import { expect, it } from '@jest/globals';
import { createRequire } from 'node:module';
import { DriverNotInstalledError } from '../errors/driver-not-installed.error.js';
import { loadDriver } from './load-driver.js';

const require = createRequire(import.meta.url);

it.each(['pg', 'mysql2'] as const)('loads %s as TypeORM would', (name) => {
  expect(loadDriver(name)).toBe(require(name));
});

it('says what to install', () => {
  const load = (): unknown => loadDriver('oracledb' as 'pg');
  expect(load).toThrow(DriverNotInstalledError);
  expect(load).toThrow('npm install oracledb');
});
