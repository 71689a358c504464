// Builds the published form of the library: `dist/esm` and `dist/cjs` from the same sources, each with its type
// declarations, and each with a package.json that says how Node is to read the `.js` files next to it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { buildCommandLine } from './build-command-line.mjs';
import { bundleModules } from './bundle-modules.mjs';

const packageDir = new URL('./', import.meta.url);
const repositoryDir = new URL('../../', import.meta.url);
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');

async function build(format, moduleType) {
  const outDir = new URL(`dist/${format}/`, packageDir);
  await mkdir(outDir, { recursive: true });
  await writeFile(new URL('package.json', outDir), `{ "type": "${moduleType}" }\n`);
  // The tarball has no src/: the source maps carry the text of the sources themselves.
  const args = [tsc, '--project', `tsconfig.${format}.json`, '--inlineSources', '--pretty'];
  const compiler = spawn(process.execPath, args, { cwd: fileURLToPath(packageDir), stdio: 'inherit' });
  const [exitCode] = await once(compiler, 'close');
  if (exitCode !== 0) throw new Error(`tsc ended with exit code ${exitCode} for tsconfig.${format}.json`);
}

// npm packs these only from the folder of the package; they are written once, at the top of the repository.
const copyTopLevelFile = (name) => copyFile(new URL(name, repositoryDir), new URL(name, packageDir));

await rm(new URL('dist/', packageDir), { recursive: true, force: true });
await Promise.all([build('esm', 'module'), build('cjs', 'commonjs'), buildCommandLine()]);
await bundleModules();
await Promise.all(['CHANGELOG.md', 'LICENSE', 'README.md'].map(copyTopLevelFile));
// Pictures stay in the repository: they would be most of the package.
const isText = (path) => !path.endsWith('pictures');
for (const folder of ['docs/', 'grafana/']) {
  await rm(new URL(folder, packageDir), { recursive: true, force: true });
  await cp(new URL(folder, repositoryDir), new URL(folder, packageDir), { recursive: true, filter: isText });
}
