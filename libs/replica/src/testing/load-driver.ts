import { ClusterBackendUnavailableError } from './cluster.error.js';
import { errorCode } from './system-error.js';

/**
 * Loads a database's driver, which only clusters of that database need.
 * @throws ClusterBackendUnavailableError when its package is not installed
 */
export async function loadDriver<Driver>(name: string, load: () => Promise<Driver>): Promise<Driver> {
  try {
    return await load();
  } catch (error) {
    if (errorCode(error)?.endsWith('MODULE_NOT_FOUND') !== true) throw error;
    throw new ClusterBackendUnavailableError('any', [`${name} is not installed: npm i -D ${name}`], {
      cause: error,
    });
  }
}
