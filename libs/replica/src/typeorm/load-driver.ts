import { PlatformTools } from 'typeorm/platform/PlatformTools.js';
import { DriverNotInstalledError } from '../errors/driver-not-installed.error.js';

/**
 * Loads the driver that TypeORM would load, so that both have the same one. Throws a `DriverNotInstalledError`. Nothing imports a
 * driver, because whoever uses one database need not have installed the driver of the other.
 */
export function loadDriver(name: 'pg' | 'mysql2'): unknown {
  try {
    return PlatformTools.load(name);
  } catch (error) {
    throw new DriverNotInstalledError(name, error);
  }
}
