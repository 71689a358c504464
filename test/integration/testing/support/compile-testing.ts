import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

const SOURCE = path.resolve('libs/replica/src/testing');

/**
 * Compiles the entry point `nestjs-replica/testing` into a new folder, so that a plain Node process can run it.
 * @param parent where the new folder is made; default: inside `node_modules`, from where the imports resolve
 * @returns the compiled index.js; the caller removes its folder
 */
export function compileTesting(format: 'esm' | 'cjs', parent = path.resolve('node_modules/.cache')): string {
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(path.join(parent, `testing-${format}-`));
  chmodSync(folder, 0o755);
  writeFileSync(
    path.join(folder, 'package.json'),
    JSON.stringify({ type: format === 'esm' ? 'module' : 'commonjs' }),
  );
  for (const file of readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts') || file.endsWith('.spec.ts')) continue;
    const { outputText } = ts.transpileModule(readFileSync(path.join(SOURCE, file), 'utf8'), {
      fileName: file,
      compilerOptions: {
        target: ts.ScriptTarget.ES2022,
        module: format === 'esm' ? ts.ModuleKind.ESNext : ts.ModuleKind.CommonJS,
        esModuleInterop: true,
      },
    });
    const target = path.join(folder, file.replace(/\.ts$/, '.js'));
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, outputText);
  }
  return path.join(folder, 'index.js');
}
