// Bundles the page into src/dashboard/bundle.ts, which is committed: so neither the tests nor `npm start` have to build it, and
// the package needs neither preact nor uPlot. A test fails if the two no longer fit. Run it by `npm run page`.
import { build } from 'esbuild';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const path = (name) => fileURLToPath(new URL(name, import.meta.url));

export const BUNDLE = path('../src/dashboard/bundle.ts');

const LICENCES = `/*! With preact (c) 2015-present Jason Miller, and uPlot (c) Leon Sorokin, both under the MIT licence:
https://github.com/preactjs/preact/blob/main/LICENSE https://github.com/leeoniya/uPlot/blob/master/LICENSE */`;

/** The text of the module. */
export async function bundlePage() {
  const { outputFiles } = await build({
    entryPoints: [path('src/main.tsx')],
    outdir: path('dist'),
    tsconfig: path('tsconfig.json'),
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    charset: 'utf8',
    legalComments: 'none',
    footer: { js: LICENCES },
  });
  const textOf = (extension) => outputFiles.find((file) => file.path.endsWith(extension)).text;
  return [
    '// Made from libs/replica/page by `npm run page`. Change it there.',
    constant('SCRIPT', textOf('.js')),
    constant('STYLES', textOf('.css')),
    constant('ICON', ICON),
    '',
  ].join('\n');
}

const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><g fill="none" stroke="#0f766e" stroke-width="3"><ellipse cx="16" cy="8" rx="10" ry="4"/><path d="M6 8v16c0 2.200 4.500 4 10 4s10-1.800 10-4V8M6 16c0 2.200 4.500 4 10 4s10-1.800 10-4"/></g></svg>`;

function constant(name, text) {
  return `export const ${name}: string = ${JSON.stringify(text)};`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeFile(BUNDLE, await bundlePage());
