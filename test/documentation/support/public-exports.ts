// What each entry point of the library exports, as text: `npm run exports` writes it to libs/replica/public-exports.txt,
// and a test compares that file with the sources. A change of the public surface therefore shows in a diff of its own.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const library = fileURLToPath(new URL('../../../libs/replica/', import.meta.url));

/** The committed list; its path from the top of the repository. */
export const LIST = 'libs/replica/public-exports.txt';

interface EntryPoint {
  /** Such as `nestjs-replica/testing`. */
  readonly specifier: string;
  /** The path of its index. */
  readonly source: string;
}

interface Manifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, string | { readonly import?: { readonly types: string } }>>;
}

function entryPoints(): EntryPoint[] {
  const { name, exports } = JSON.parse(readFileSync(join(library, 'package.json'), 'utf8')) as Manifest;
  return Object.entries(exports).flatMap(([path, conditions]) => {
    const types = typeof conditions === 'string' ? undefined : conditions.import?.types;
    if (types === undefined) return [];
    const source = types.replace('./dist/esm/', 'src/').replace(/\.d\.ts$/, '.ts');
    return [{ specifier: name + path.slice(1), source: join(library, source) }];
  });
}

/** Reads the library's own files only: what a name is depends on no package, and reading them all takes seconds. */
function programOf(files: readonly string[]): ts.Program {
  const options: ts.CompilerOptions = {
    noLib: true,
    types: [],
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
  };
  const host = ts.createCompilerHost(options);
  host.resolveModuleNameLiterals = (literals, from) =>
    literals.map(({ text }) => {
      if (!text.startsWith('.')) return { resolvedModule: undefined };
      const resolvedFileName = join(dirname(from), text.replace(/\.js$/, '.ts'));
      return { resolvedModule: { resolvedFileName, extension: ts.Extension.Ts } };
    });
  return ts.createProgram([...files], options, host);
}

const KINDS: readonly (readonly [string, ts.SymbolFlags])[] = [
  ['class', ts.SymbolFlags.Class],
  ['function', ts.SymbolFlags.Function],
  ['enum', ts.SymbolFlags.Enum],
  ['const', ts.SymbolFlags.Variable],
  ['type', ts.SymbolFlags.Interface | ts.SymbolFlags.TypeAlias],
];

function kindOf(symbol: ts.Symbol, checker: ts.TypeChecker): string {
  const { flags } = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  if (symbol.declarations?.some(ts.isTypeOnlyExportDeclaration)) return 'type';
  return KINDS.filter(([, flag]) => flags & flag)
    .map(([kind]) => kind)
    .join(' and ');
}

/** A heading for each entry point, and below it a line such as `class ReplicaDataSource` for each name, sorted by name. */
export function publicExports(): string {
  const entries = entryPoints();
  const program = programOf(entries.map(({ source }) => source));
  const checker = program.getTypeChecker();
  const sections = entries.map(({ specifier, source }) => {
    const file = program.getSourceFile(source);
    const index = file === undefined ? undefined : checker.getSymbolAtLocation(file);
    if (index === undefined) throw new Error(`${source} is no module`);
    const lines = checker
      .getExportsOfModule(index)
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map((symbol) => `${kindOf(symbol, checker)} ${symbol.name}\n`);
    return `# ${specifier}\n${lines.join('')}`;
  });
  return sections.join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(fileURLToPath(new URL(`../../../${LIST}`, import.meta.url)), publicExports());
}
