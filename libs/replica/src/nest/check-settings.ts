import { MYSQL, POSTGRES } from '../options/database-type.js';
import { knownKeysOf } from '../options/option-table.js';
import { REPLACED_OPTIONS } from '../options/typeorm-keys.js';
import { describe, OptionProblems, slipOf } from '../options/option-problems.js';
import { loggerOf } from './loggers.js';
import type { ReplicaModuleSettings } from './module-settings.js';
import { DEFAULT_NAME } from './module-tokens.js';
import type { ReplicaModuleAsyncOptions } from './replica-module-options.js';

/** Which of them belong to the type of database is checked with the options themselves. */
const KNOWN_KEYS = [...new Set([POSTGRES, MYSQL].flatMap(knownKeysOf))];

/** The settings of a module. The compiler checks that no key is missing here. */
export const SETTINGS: Readonly<Record<keyof Required<ReplicaModuleSettings>, true>> = {
  name: true,
  isGlobal: true,
  forRoutes: true,
  exclude: true,
};
const ASYNC: Readonly<Record<keyof Required<ReplicaModuleAsyncOptions>, true>> = {
  ...SETTINGS,
  imports: true,
  inject: true,
  useFactory: true,
  useClass: true,
  useExisting: true,
  dataSourceFactory: true,
  extraProviders: true,
};

/** Throws one `InvalidReplicaOptionsError` that lists all mistakes in the module's own settings. */
export function checkSettings({ name, isGlobal, forRoutes, exclude }: ReplicaModuleSettings): void {
  const problems = new OptionProblems();
  problems.text('name', name);
  problems.boolean('isGlobal', isGlobal);
  checkRoutes(problems, 'forRoutes', forRoutes);
  checkRoutes(problems, 'exclude', exclude);
  if (Array.isArray(forRoutes) && forRoutes.length === 0)
    problems.add(
      'forRoutes',
      'must name a route: without it the module is for all, with an empty list for none',
    );
  problems.throwIfAny();
}

function checkRoutes(problems: OptionProblems, key: string, routes: unknown): void {
  if (routes === undefined) return;
  if (!Array.isArray(routes)) {
    problems.add(key, `must be a list such as ['orders/{*path}'], not ${describe(routes)}`);
    return;
  }
  routes.forEach((route: unknown, index) => {
    const { path } = (typeof route === 'object' && route !== null ? route : {}) as { path?: unknown };
    if (![typeof route, typeof path].includes('string') && typeof route !== 'function')
      problems.add(
        `${key}[${index}]`,
        `must be a path, { path, method } or a controller, not ${describe(route)}`,
      );
  });
}

/**
 * Throws if `forRoot()` did not get an object. The error does not show what it got instead, which may hold a
 * password.
 */
export function checkGiven(where: string, options: unknown, knownKeys?: readonly string[]): void {
  const problems = new OptionProblems();
  problems.object('', options, knownKeys ?? Object.keys(options ?? {}));
  problems.throwIfAny(`${where}: `);
}

/** As {@link checkGiven}, of `forDataSource()`. */
export function checkDataSourceSettings(settings: unknown): void {
  checkGiven('forDataSource()', settings, [...Object.keys(SETTINGS), 'imports', 'setHeaders']);
}

/**
 * Throws one `InvalidReplicaOptionsError` that lists all mistakes in the options of `forRootAsync()`. Warns of
 * options that have no effect there.
 */
export function checkAsyncOptions(options: ReplicaModuleAsyncOptions): void {
  const problems = new OptionProblems();
  const keys = Object.keys(ASYNC);
  const misplaced = [...KNOWN_KEYS, 'setHeaders'].filter((key) => !keys.includes(key));
  if (problems.lenientObject(options, [...keys, ...misplaced], REPLACED_OPTIONS)) {
    for (const key of Object.keys(options)) {
      if (misplaced.includes(key)) problems.add(key, 'belongs to what the factory gives');
    }
    problems.function('useFactory', options.useFactory, '() => options');
    problems.function('useClass', options.useClass, 'a class with createReplicaOptions()');
    problems.function(
      'dataSourceFactory',
      options.dataSourceFactory,
      '(options) => new ReplicaDataSource(options)',
    );
    for (const key of ['imports', 'inject', 'extraProviders'] as const) {
      if (options[key] !== undefined && !Array.isArray(options[key]))
        problems.add(key, `must be a list, not ${describe(options[key])}`);
    }
  }
  problems.throwIfAny('forRootAsync(): ');
  for (const warning of problems.warnings)
    loggerOf(options.name ?? DEFAULT_NAME).warn(`forRootAsync(): ${warning}`);
}

/** Mistakes in the keys of a module's options, or of a factory's result, other than those of a data source. */
export function problemsOfModuleKeys(options: object): string[] {
  const keys = [...Object.keys(SETTINGS), 'setHeaders'];
  return Object.keys(options)
    .filter((key) => !KNOWN_KEYS.includes(key) && key !== 'setHeaders')
    .flatMap((key) => {
      if (keys.includes(key))
        return [`${key} belongs to forRootAsync() itself, not to what its factory gives`];
      const meant = slipOf(key, keys);
      return meant === undefined ? [] : [`${key} is not an option; did you mean ${meant}?`];
    });
}
