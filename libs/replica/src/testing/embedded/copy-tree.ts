import { chmod, copyFile, link, lchown, mkdir, readdir, readlink, stat, symlink } from 'node:fs/promises';
import path from 'node:path';
import { errorCode } from '../system-error.js';

/** A user by number, as `spawn` and `chown` take one. */
export interface UserId {
  readonly uid: number;
  readonly gid: number;
}

export interface CopyTreeOptions {
  /** The owner of the copy. Default: the process's user. */
  owner?: UserId;
  /** Whether to leave an entry out; its path is relative to the top, with `/`. Default: nothing is left out. */
  skip?: (relative: string) => boolean;
  /**
   * Permission bits that every file must have. A file that has them already is hard-linked instead of copied, if the file system
   * can do that. Default: every file is copied with its own bits.
   */
  shareWithMode?: (relative: string) => number;
}

/**
 * Copies a folder that may change meanwhile. Files that vanish during the copy are left out. `to` must not exist. The copied
 * folders have the modes of the originals.
 */
export async function copyTree(
  from: string,
  to: string,
  options: CopyTreeOptions = {},
  relative = '',
): Promise<void> {
  const { mode } = await stat(from);
  await mkdir(to);
  await chmod(to, options.shareWithMode ? 0o755 : mode & 0o777);
  if (options.owner) await lchown(to, options.owner.uid, options.owner.gid);
  const entries = await readdir(from, { withFileTypes: true });
  await Promise.all(
    entries.map(async (entry) => {
      const inner = relative === '' ? entry.name : `${relative}/${entry.name}`;
      if (options.skip?.(inner)) return;
      const [source, target] = [path.join(from, entry.name), path.join(to, entry.name)];
      await ignoreVanished(async () => {
        if (entry.isDirectory()) return await copyTree(source, target, options, inner);
        if (entry.isSymbolicLink()) await symlink(await readlink(source), target);
        else if (entry.isFile()) await copyOneFile(source, target, options.shareWithMode?.(inner));
        else return;
        if (options.owner) await lchown(target, options.owner.uid, options.owner.gid);
      });
    }),
  );
}

async function copyOneFile(source: string, target: string, wantedMode: number | undefined): Promise<void> {
  if (wantedMode === undefined) return await copyFile(source, target);
  const { mode } = await stat(source);
  if ((mode & wantedMode) === wantedMode && (await isLinked(source, target))) return;
  await copyFile(source, target);
  await chmod(target, (mode | wantedMode) & 0o777);
}

/** False if the folders are on two file systems, or if the kernel protects the files of other users. */
async function isLinked(source: string, target: string): Promise<boolean> {
  return await link(source, target).then(
    () => true,
    () => false,
  );
}

async function ignoreVanished(copy: () => Promise<void>): Promise<void> {
  try {
    await copy();
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}
