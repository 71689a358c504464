// Lets plain Node run the tests' TypeScript, with the paths of tsconfig.json: for packages that Jest cannot load on Node 20,
// because they are CommonJS and require Nest, which is not.
import { transformFile } from '@swc/core';
import { fileURLToPath } from 'node:url';

const ENTRY_POINTS = {
  'nestjs-replica': '../../../../libs/replica/src/index.ts',
  'nestjs-replica/testing': '../../../../libs/replica/src/testing/index.ts',
};

export function resolve(specifier, context, next) {
  const entryPoint = ENTRY_POINTS[specifier];
  if (entryPoint !== undefined) return next(new URL(entryPoint, import.meta.url).href, context);
  const isOurs = specifier.startsWith('.') && context.parentURL?.endsWith('.ts') === true;
  return next(isOurs ? specifier.replace(/\.js$/, '.ts') : specifier, context);
}

export async function load(url, context, next) {
  if (!url.endsWith('.ts')) return next(url, context);
  const { code } = await transformFile(fileURLToPath(url), {
    jsc: {
      target: 'es2022',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
      keepClassNames: true,
    },
    module: { type: 'es6' },
    sourceMaps: 'inline',
  });
  return { format: 'module', source: code, shortCircuit: true };
}
