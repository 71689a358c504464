import { appendFile, chown, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { NodeStartError } from '../cluster.error.js';
import { binFolder } from './install-binaries.js';
import { formatSettings, PostgresSettings } from './postgres-settings.js';
import { waitUntil } from '../wait-until.js';
import { ServerProcess } from '../embedded/server-process.js';
import { signal } from '../embedded/process-tree.js';
import { makePrivateFolder, nodeFiles, Workplace } from '../embedded/workplace.js';

const INITDB_TIMEOUT_MS = 120_000;

/** The file with the settings that differ between nodes. The server reads it after all others except those of ALTER SYSTEM. */
export const NODE_SETTINGS_FILE = 'node.conf';

/** The superuser's name and password, and the settings of all nodes. */
export interface DataFolderOptions {
  readonly username: string;
  readonly password: string;
  readonly settings: PostgresSettings;
}

/**
 * Makes the data folder of the node `name`. Until a server is started in it, a plain copy of it is a valid base backup.
 * @throws NodeStartError with what initdb wrote
 */
export async function initDataFolder(
  workplace: Workplace,
  name: string,
  options: DataFolderOptions,
): Promise<void> {
  const { dataFolder, logFile } = nodeFiles(workplace, name);
  await makePrivateFolder(workplace, path.dirname(dataFolder));
  const passwordFile = path.join(path.dirname(dataFolder), 'password');
  await writeOwned(workplace, passwordFile, options.password);
  const initdb = new ServerProcess(workplace, {
    program: path.join(binFolder(workplace), 'initdb'),
    args: [
      `--pgdata=${dataFolder}`,
      `--username=${options.username}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--no-sync',
    ],
    kind: 'initdb',
    logFile,
  });
  await waitUntil(() => initdb.ending !== undefined, { timeoutMs: INITDB_TIMEOUT_MS });
  if (initdb.ending === undefined) signal(initdb.pid, 'SIGKILL');
  await rm(passwordFile);
  if (initdb.exitCode !== 0) {
    throw new NodeStartError(
      name,
      `initdb ${initdb.ending ?? 'did not end'}`,
      await readFile(logFile, 'utf8'),
    );
  }
  await appendFile(
    path.join(dataFolder, 'postgresql.conf'),
    `\n${formatSettings(options.settings)}include_if_exists = '${NODE_SETTINGS_FILE}'\n`,
  );
}

/** Writes a file that belongs to the user of the servers. */
export async function writeOwned({ user }: Workplace, file: string, text: string): Promise<void> {
  await writeFile(file, text, { mode: 0o600 });
  if (user) await chown(file, user.uid, user.gid);
}
