import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { NodeStartError } from '../cluster.error.js';
import { signal } from '../embedded/process-tree.js';
import { ServerProcess } from '../embedded/server-process.js';
import { Workplace } from '../embedded/workplace.js';
import { waitUntil } from '../wait-until.js';
import { MariadbBinaries } from './find-mariadb-binaries.js';
import { setupStatements, SUPERUSER } from './mariadb-server.js';
import { formatArguments, MariadbSettings } from './mariadb-settings.js';

const INSTALL_TIMEOUT_MS = 120_000;

/** What the servers of a cluster have in common. */
export interface MariadbInstallation {
  readonly mariadbd: string;
  readonly settings: MariadbSettings;
  /** `mariadbd` runs as root only if it is told to. */
  readonly userArguments: readonly string[];
  /** A data folder without history, to be copied. */
  readonly template: string;
  nextServerId(): number;
}

/**
 * Makes the data folder of which each server gets a copy.
 * @throws NodeStartError with what the program wrote
 */
export async function initTemplate(
  workplace: Workplace,
  { mariadbd, installDb }: MariadbBinaries,
  { password, settings }: { password: string; settings: MariadbSettings },
): Promise<MariadbInstallation> {
  const [template, setupFile, logFile] = ['template', 'setup.sql', 'install.log'].map((name) =>
    path.join(workplace.folder, name),
  ) as [string, string, string];
  const userArguments = process.getuid?.() === 0 ? ['--user=root'] : [];
  const noOtherRoots = `DELETE FROM mysql.global_priv WHERE User = '${SUPERUSER}' AND Host <> '%';`;
  await writeFile(setupFile, [...setupStatements(password), noOtherRoots, ''].join('\n'), { mode: 0o600 });
  const { innodb_log_file_size = '16M' } = settings;
  const installer = new ServerProcess(workplace, {
    program: installDb,
    args: [
      '--no-defaults',
      `--datadir=${template}`,
      `--tmpdir=${workplace.folder}`,
      `--extra-file=${setupFile}`,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
      ...userArguments,
      ...formatArguments({ skip_name_resolve: true, debug_no_sync: true, innodb_log_file_size }),
    ],
    kind: 'group',
    logFile,
  });
  await waitUntil(() => installer.ending !== undefined, { timeoutMs: INSTALL_TIMEOUT_MS });
  if (installer.ending === undefined) signal(-installer.pid, 'SIGKILL');
  await rm(setupFile);
  if (installer.exitCode !== 0) {
    throw new NodeStartError(
      'primary',
      `mariadb-install-db ${installer.ending ?? 'did not end'}`,
      await readFile(logFile, 'utf8'),
    );
  }
  let lastServerId = 0;
  return { mariadbd, settings, userArguments, template, nextServerId: () => ++lastServerId };
}
