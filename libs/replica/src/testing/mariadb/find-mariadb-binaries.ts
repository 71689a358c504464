import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { ClusterBackendUnavailableError } from '../cluster.error.js';

/** Paths of the programs that the embedded backend runs. */
export interface MariadbBinaries {
  readonly mariadbd: string;
  readonly installDb: string;
}

/** Where servers are installed that are not on every user's PATH. */
const SERVER_FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin', '/opt/homebrew/bin'];

/**
 * Finds the server and the program that makes its data folder.
 * @param folders where to look, in this order
 * @throws ClusterBackendUnavailableError with what to install
 */
export async function findMariadbBinaries(
  folders: readonly string[] = [...(process.env['PATH'] ?? '').split(path.delimiter), ...SERVER_FOLDERS],
): Promise<MariadbBinaries> {
  const find = (program: string): string | undefined =>
    folders.map((folder) => path.resolve(folder, program)).find(isExecutable);
  const [mariadbd, installDb] = [find('mariadbd'), find('mariadb-install-db')];
  if (mariadbd !== undefined && installDb !== undefined) return { mariadbd, installDb };
  const missing = mariadbd === undefined ? 'mariadbd' : 'mariadb-install-db';
  throw new ClusterBackendUnavailableError('embedded', [
    `embedded: there is no ${missing} on the PATH or in /usr/sbin: install MariaDB's server ` +
      `(Debian: apt-get install mariadb-server-core), or use the backend 'containers'`,
  ]);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
