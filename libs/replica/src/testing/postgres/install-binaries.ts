import { symlink } from 'node:fs/promises';
import path from 'node:path';
import { copyTree } from '../embedded/copy-tree.js';
import { Workplace } from '../embedded/workplace.js';
import { readBinaryLinks } from './find-binaries.js';

/** The folder in a workplace that holds `postgres` and `initdb`. */
export function binFolder({ folder }: Workplace): string {
  return path.join(folder, 'native', 'bin');
}

/** Copies the binaries into the workplace, so that the user of the servers can read them wherever the package is installed. */
export async function installBinaries(native: string, { folder }: Workplace): Promise<void> {
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
