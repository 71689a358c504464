import { beforeAll, describe, expect, it } from '@jest/globals';
import { resolve } from 'node:path';
import ts from 'typescript';
import { examplesOf, moduleOf, PAGES, type Example } from './support/examples.js';

const examples = PAGES.flatMap(examplesOf);

/** Every strict flag that a user may have set. */
const STRICTEST: ts.CompilerOptions = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noImplicitOverride: true,
  noImplicitReturns: true,
  noPropertyAccessFromIndexSignature: false,
  noFallthroughCasesInSwitch: true,
  declaration: false,
  noEmit: true,
};

function fileOf(example: Example): string {
  return resolve('test/documentation', `${example.place.replaceAll(/\W/g, '-')}.ts`);
}

/** Compiles all examples at once. Each is a file that exists only in memory. */
function compile(): ts.Program {
  const { config } = ts.readConfigFile('tsconfig.json', (path) => ts.sys.readFile(path)) as {
    config: { compilerOptions: object };
  };
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, process.cwd());
  const texts = new Map(examples.map((example) => [fileOf(example), moduleOf(example)]));
  // The client that the reader has generated.
  texts.set(
    resolve('test/documentation/generated/prisma/client.ts'),
    "export * from '../../../orms/support/prisma/client/client.js';",
  );
  const host = ts.createCompilerHost({ ...options, ...STRICTEST });
  const real = ts.createCompilerHost({ ...options, ...STRICTEST });
  host.fileExists = (path) => texts.has(path) || real.fileExists(path);
  // The folder of the generated client does not exist.
  host.directoryExists = undefined;
  host.readFile = (path) => texts.get(path) ?? real.readFile(path);
  host.getSourceFile = (path, languageVersion, ...more) => {
    const text = texts.get(path);
    return text === undefined
      ? real.getSourceFile(path, languageVersion, ...more)
      : ts.createSourceFile(path, text, languageVersion);
  };
  return ts.createProgram([...texts.keys()], { ...options, ...STRICTEST }, host);
}

describe('the examples of the documentation', () => {
  let program: ts.Program;
  beforeAll(() => {
    program = compile();
  });

  it('are there', () => {
    expect(examples.length).toBeGreaterThan(20);
  });

  it.each(examples)('compile under the strictest flags: $place', (example) => {
    const source = program.getSourceFile(fileOf(example));
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    expect(found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))).toEqual([]);
    expect(source).toBeDefined();
  });
});
