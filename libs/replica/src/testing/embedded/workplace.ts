import { chmod, chown, mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { UserId } from './copy-tree.js';
import { Watchdog } from './watchdog.js';

/** The private folder of one cluster, and the watchdog that looks after it. */
export interface Workplace {
  readonly folder: string;
  /** The user that runs the servers and owns their files; undefined: this process's user. */
  readonly user: UserId | undefined;
  readonly watchdog: Watchdog;
}

/** The files of one node. The log is outside the data folder, so that a new copy of the data keeps it. */
export function nodeFiles({ folder }: Workplace, name: string): { dataFolder: string; logFile: string } {
  return { dataFolder: path.join(folder, name, 'data'), logFile: path.join(folder, name, 'server.log') };
}

/** Makes a folder in which servers can run as `user`. */
export async function openWorkplace(user: UserId | undefined): Promise<Workplace> {
  const folder = await mkdtemp(path.join(await parentFolder(user), 'nestjs-replica-'));
  const workplace = { folder, user, watchdog: new Watchdog(folder) };
  try {
    if (user) await chmod(folder, 0o755);
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
