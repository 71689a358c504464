// Bundles the command line into one file, `dist/cli.mjs`, with all that it needs but the drivers. Beside it stand the licenses of the packages
// in it.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const packageDir = new URL('./', import.meta.url);
const repositoryDir = new URL('../../', import.meta.url);
const path = (name) => fileURLToPath(new URL(name, packageDir));

/** The library loads drivers as TypeORM would. The command line has no TypeORM to ask. */
const ownDriverLoader = {
  name: 'own-driver-loader',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/load-driver\.js$/ }, () => ({ path: path('src/cli/load-driver.ts') }));
  },
};

export async function buildCommandLine() {
  const { version } = JSON.parse(await readFile(new URL('package.json', packageDir), 'utf8'));
  const { metafile } = await build({
    absWorkingDir: path('.'),
    entryPoints: ['src/cli/main.ts'],
    outfile: 'dist/cli.mjs',
    bundle: true,
    minify: true,
    // Errors and options are known by the names of classes and functions.
    keepNames: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    external: ['pg', 'mysql2'],
    define: { PACKAGE_VERSION: JSON.stringify(version) },
    // Packages in CommonJS require modules of Node.
    banner: {
      js: "import { createRequire as makeRequire } from 'node:module';\nconst require = makeRequire(import.meta.url);",
    },
    plugins: [ownDriverLoader],
    metafile: true,
    logLevel: 'warning',
  });
  await writeFile(new URL('dist/cli.licenses.txt', packageDir), await licensesOf(metafile));
}

/** The licenses of all packages in the bundle, which ask for that. */
async function licensesOf({ inputs }) {
  const names = new Set(
    Object.keys(inputs).flatMap((input) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1] ?? []),
  );
  const texts = Array.from(names, async (name) => {
    const folder = new URL(`node_modules/${name}/`, repositoryDir);
    const { version } = JSON.parse(await readFile(new URL('package.json', folder), 'utf8'));
    return `${name} ${version}\n\n${await licenseIn(folder)}`;
  });
  return (await Promise.all(texts)).toSorted((a, b) => (a < b ? -1 : 1)).join('\n----\n\n');
}

async function licenseIn(folder) {
  const name = (await readdir(folder)).find((file) => /^licen[cs]e/i.test(file));
  if (name === undefined) throw new Error(`no license in ${folder}`);
  return readFile(new URL(name, folder), 'utf8');
}
