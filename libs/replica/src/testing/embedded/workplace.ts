import { chmod, chown, mkdir, mkdtemp, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { copyTree, UserId } from './copy-tree.js';
import { findBinaries, readBinaryLinks } from './find-binaries.js';
import { userToRunAs } from './run-as-user.js';
import { Watchdog } from './watchdog.js';

/** The private folder of one cluster, and the watchdog that looks after it. */
export interface Workplace {
  readonly folder: string;
  /** Holds `postgres` and `initdb`. */
  readonly binFolder: string;
  /** The user that runs the servers and owns their files; undefined: this process's user. */
  readonly user: UserId | undefined;
  readonly watchdog: Watchdog;
}

/** The files of one node. The log is outside the data folder, so that a new copy of the data keeps it. */
export function nodeFiles({ folder }: Workplace, name: string): { dataFolder: string; logFile: string } {
  return { dataFolder: path.join(folder, name, 'data'), logFile: path.join(folder, name, 'server.log') };
}

/**
 * Makes a folder with a copy of the binaries, so that the user of the servers can read them wherever the package is installed.
 * @throws ClusterBackendUnavailableError, PostgresUserNotFoundError
 */
export async function openWorkplace(): Promise<Workplace> {
  const native = await findBinaries();
  const user = userToRunAs();
  const folder = await mkdtemp(path.join(await parentFolder(user), 'nestjs-replica-'));
  const workplace = {
    folder,
    binFolder: path.join(folder, 'native', 'bin'),
    user,
    watchdog: new Watchdog(folder),
  };
  try {
    if (user) await chmod(folder, 0o755);
    await installBinaries(native, folder);
    return workplace;
  } catch (error) {
    await closeWorkplace(workplace);
    throw error;
  }
}

/** Removes the folder and ends the watchdog, which ends every server that still runs. */
export async function closeWorkplace({ folder, watchdog }: Workplace): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  } finally {
    await watchdog.dismiss();
  }
}

/** Makes a folder that belongs to the user of the servers. Nobody else may read it. */
export async function makePrivateFolder({ user }: Workplace, folder: string): Promise<void> {
  await mkdir(folder, { mode: 0o700 });
  if (user) await chown(folder, user.uid, user.gid);
}

async function installBinaries(native: string, folder: string): Promise<void> {
  const target = path.join(folder, 'native');
  const links = readBinaryLinks(native);
  const linkTargets = new Set(links.map((it) => it.target));
  await copyTree(native, target, {
    // The install script may or may not have made the links, so they are made again below.
    skip: (relative) => linkTargets.has(`native/${relative}`) || relative.endsWith('.a'),
    shareWithMode: (relative) => (relative.startsWith('bin/') ? 0o555 : 0o444),
  });
  await Promise.all(
    links.map(async (it) => {
      const file = path.join(folder, it.target);
      await symlink(path.relative(path.dirname(file), path.join(folder, it.source)), file);
    }),
  );
}

/** The temporary folder. For another user it is one that everybody can enter, because root's TMPDIR may be below /root. */
async function parentFolder(user: UserId | undefined): Promise<string> {
  if (!user) return tmpdir();
  for (const candidate of [tmpdir(), '/tmp', '/var/tmp']) {
    if (await isOpenToAll(candidate)) return candidate;
  }
  return tmpdir();
}

async function isOpenToAll(folder: string): Promise<boolean> {
  try {
    for (let it = path.resolve(folder); ; it = path.dirname(it)) {
      if (((await stat(it)).mode & 0o001) === 0) return false;
      if (it === path.dirname(it)) return true;
    }
  } catch {
    return false;
  }
}
