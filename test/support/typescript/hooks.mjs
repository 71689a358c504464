// Module hooks that run the TypeScript of this project in a child process, with a mutation where the environment names one.
import { transformSync } from '@swc/core';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('../../../', import.meta.url);
const entries = {
  'nestjs-replica': new URL('libs/replica/src/index.ts', root).href,
  'nestjs-replica/pool': new URL('libs/replica/src/pool/index.ts', root).href,
  'nestjs-replica/opentelemetry': new URL('libs/replica/src/opentelemetry/index.ts', root).href,
  'nestjs-replica/prometheus': new URL('libs/replica/src/prometheus/index.ts', root).href,
  'nestjs-replica/terminus': new URL('libs/replica/src/terminus/index.ts', root).href,
  'nestjs-replica/dashboard': new URL('libs/replica/src/dashboard/index.ts', root).href,
  'nestjs-replica/testing': new URL('libs/replica/src/testing/index.ts', root).href,
};
const mutation = JSON.parse(process.env.MUTATION ?? 'null');

export async function resolve(specifier, context, next) {
  if (Object.hasOwn(entries, specifier)) return { url: entries[specifier], shortCircuit: true };
  const isOurs = specifier.startsWith('.') && context.parentURL?.endsWith('.ts') && specifier.endsWith('.js');
  return isOurs ? next(specifier.replace(/\.js$/, '.ts'), context) : next(specifier, context);
}

export async function load(url, context, next) {
  if (!url.endsWith('.ts')) return next(url, context);
  let source = readFileSync(fileURLToPath(url), 'utf8');
  if (mutation !== null && url.endsWith(mutation.file)) {
    if (!source.includes(mutation.from))
      throw new Error(`${mutation.file} has no ${JSON.stringify(mutation.from)} to mutate`);
    source = source.replaceAll(mutation.from, mutation.to);
  }
  const { code } = transformSync(source, {
    filename: fileURLToPath(url),
    swcrc: false,
    sourceMaps: 'inline',
    module: { type: 'es6' },
    jsc: {
      target: 'es2022',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
      keepClassNames: true,
    },
  });
  return { format: 'module', source: code, shortCircuit: true };
}
