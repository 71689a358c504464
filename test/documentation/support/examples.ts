import { readdirSync, readFileSync } from 'node:fs';

/** One example of a page, and where it stands. */
export interface Example {
  /** Such as `docs/routing.md:28`. */
  readonly place: string;
  readonly code: string;
}

/** The pages for users. The page of transports takes its examples from tests, which are compiled anyway. */
export const PAGES = [
  'README.md',
  ...readdirSync('docs')
    .filter((name) => name.endsWith('.md') && name !== 'transports.md')
    .map((name) => `docs/${name}`),
];

/** The TypeScript examples of a page. */
export function examplesOf(page: string): Example[] {
  const text = readFileSync(page, 'utf8');
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(({ index, 1: code = '' }) => ({
    place: `${page}:${text.slice(0, index).split('\n').length + 1}`,
    code,
  }));
}

/** Imports that pages leave out: names by their module. */
const MODULES: Readonly<Record<string, readonly string[]>> = {
  '@nestjs/common': ['Get'],
  typeorm: ['Entity'],
  'nestjs-replica': [
    'DataSourceRouter',
    'discoverReplicas',
    'dnsReplicas',
    'fromCookie',
    'InjectDataSourceRouter',
    'PrimaryOnly',
    'ReplicaModule',
    'replicaOptionsFromEnv',
    'UseReplica',
  ],
};

/** Things that any application has. */
const HAVING: Readonly<Record<string, string>> = {
  Product: 'class Product { id!: number; name!: string }',
  options: "declare const options: import('nestjs-replica').ReplicaModuleOptions;",
  payments: 'declare const payments: import("typeorm").Repository<{ id: number }>;',
  id: 'declare const id: number;',
  products: 'declare const products: import("typeorm").Repository<{ id: number }>;',
  router: "declare const router: import('nestjs-replica').DataSourceRouter;",
  histogram: 'declare const histogram: { observe(labels: object, value: number): void };',
  exportEverything:
    'declare function exportEverything(manager: import("typeorm").EntityManager): Promise<void>;',
  key: 'declare const key: string;',
  ca: 'declare const ca: string;',
  registry: 'declare const registry: { standbys(): Promise<{ host: string; port: number }[]> };',
  REPLICA_2_URL: 'declare const REPLICA_2_URL: string;',
  REPLICA_3_URL: 'declare const REPLICA_3_URL: string;',
  HealthCheck: 'declare function HealthCheck(): MethodDecorator;',
};

const MEMBERS = `
  declare private readonly accounts: import("typeorm").Repository<{ id: number }>;
  declare private readonly reports: { build(): Promise<void> };
  declare private readonly id: number;`;

const HEALTH_MEMBERS = `
  declare private readonly router: import('nestjs-replica').DataSourceRouter;
  declare private readonly database: { pingCheck(name: string): Promise<unknown> };
  declare private readonly health: { check(checks: (() => Promise<unknown>)[]): Promise<unknown> };`;

/** Makes a module of the example, and adds what its page leaves out. An example with imports has to be complete. */
export function moduleOf({ code }: Example): string {
  if (code.startsWith('import ')) return code;
  const uses = (name: string): boolean => new RegExp(`\\b${name}\\b`).test(code);
  const isThere = (name: string): boolean =>
    new RegExp(`import[^;]*\\b${name}\\b[^;]*;|class ${name}\\b|interface ${name}\\b|const ${name}\\b`).test(
      code,
    );
  const isMissing = (name: string): boolean => uses(name) && !isThere(name);
  const imports = Object.entries(MODULES).map(([from, names]) => {
    const missing = names.filter(isMissing);
    return missing.length === 0 ? '' : `import { ${missing.join(', ')} } from '${from}';`;
  });
  const having = Object.entries(HAVING).flatMap(([name, text]) => (isMissing(name) ? [text] : []));
  return [...imports, ...having, placed(code), 'export {};'].join('\n');
}

/** Puts parts of a class into a class. */
function placed(code: string): string {
  const [first = '', ...rest] = code.split('\n');
  if (first.startsWith('constructor('))
    return `class Example {\n${first}${MEMBERS}\nasync method() {\nconst { id } = this;\n${rest.join('\n')}\n}\n}`;
  const start = code.split('\n').find((line) => !line.startsWith('@')) ?? '';
  const isMember = /^(async )?\w+\(.*\{$/.test(start);
  return isMember ? `class Example {${HEALTH_MEMBERS}\n${code}\n}` : code;
}
