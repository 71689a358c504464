import { createRequire } from 'node:module';
import { join } from 'node:path';
import { DriverNotInstalledError } from '../errors/driver-not-installed.error.js';

/**
 * Takes the place of `execution/load-driver.ts` in the bundle of the command line, which loads no TypeORM: loads the driver of the folder
 * where the command runs, or else the one that was installed beside this package. Throws a `DriverNotInstalledError`.
 */
export function loadDriver(name: 'pg' | 'mysql2'): unknown {
  let problem: unknown;
  for (const from of [join(process.cwd(), 'package.json'), import.meta.url]) {
    try {
      return createRequire(from)(name);
    } catch (error) {
      problem ??= error;
    }
  }
  throw new DriverNotInstalledError(name, problem);
}
