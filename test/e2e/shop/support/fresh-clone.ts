import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const BUILT_OR_INSTALLED = new Set(['dist', 'node_modules']);

/**
 * A copy of what `npm start` needs, as a clone after `npm ci` has it: nothing is built. So a build in it neither meets nor
 * disturbs one in this folder.
 */
export class FreshClone {
  readonly folder: string;
  /** For the temporary folders of its programs. Servers that root starts run as another user, who has to get in. */
  readonly temporaryFolder: string;

  constructor() {
    this.folder = mkdtempSync(path.join(tmpdir(), 'shop-clone-'));
    chmodSync(this.folder, 0o755);
    this.temporaryFolder = path.join(this.folder, 'tmp');
    mkdirSync(this.temporaryFolder);
    for (const name of ['package.json', 'nest-cli.json', 'tsconfig.json', 'apps/shop', 'libs/replica']) {
      cpSync(name, path.join(this.folder, name), {
        recursive: true,
        filter: (source) => !BUILT_OR_INSTALLED.has(path.basename(source)),
      });
    }
    this.#install();
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Every package is the installed one, but for the workspaces, which are the clone's own. */
  #install(): void {
    const modules = path.join(this.folder, 'node_modules');
    mkdirSync(modules);
    for (const name of readdirSync('node_modules')) {
      symlinkSync(path.resolve('node_modules', name), path.join(modules, name));
    }
    for (const [name, target] of [
      ['nestjs-replica', '../libs/replica'],
      ['shop', '../apps/shop'],
    ] as const) {
      rmSync(path.join(modules, name), { force: true });
      symlinkSync(target, path.join(modules, name));
    }
  }
}
