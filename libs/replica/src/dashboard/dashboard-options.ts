import type { CanActivate, ModuleMetadata, Type } from '@nestjs/common';
import type { FactorySource } from '../nest/factory-providers.js';
import { describe, OptionProblems } from '../options/option-problems.js';

/** What a factory of `ReplicaDashboardModule.forRootAsync()` returns. */
export interface ReplicaDashboardFactoryOptions {
  /** Where the page is, below the application's global prefix. It has no version. Default: `replica`. */
  readonly path?: string;
  /**
   * Guards of your application that decide who may see the page and use its buttons, as in `@UseGuards()`. Without any,
   * the page does not start in production (`NODE_ENV`), nor with `actions`. Default: none.
   */
  readonly guards?: readonly (Type<CanActivate> | CanActivate)[];
  /** Whether the page may drain and resume replicas, and switch routing off and on. Default: `false`. */
  readonly actions?: boolean;
  /** Names of the data sources and pools that the page shows. Default: the one that has no name. */
  readonly dataSources?: readonly string[];
}

/** Options of `ReplicaDashboardModule.forRoot()`. */
export interface ReplicaDashboardOptions extends ReplicaDashboardFactoryOptions {
  /** Modules that export what the guards inject. Default: none. */
  readonly imports?: ModuleMetadata['imports'];
}

/** A class that makes the options, for `useClass` and `useExisting`. */
export interface ReplicaDashboardOptionsFactory {
  createReplicaDashboardOptions(): ReplicaDashboardFactoryOptions | Promise<ReplicaDashboardFactoryOptions>;
}

/**
 * Options of `ReplicaDashboardModule.forRootAsync()`: one of `useFactory`, `useClass` and `useExisting`. Guards that are classes are made
 * when the application starts, so none of them can be request-scoped. `imports`: modules that export what is injected.
 */
export interface ReplicaDashboardAsyncOptions
  extends
    Pick<ModuleMetadata, 'imports'>,
    FactorySource<ReplicaDashboardFactoryOptions, ReplicaDashboardOptionsFactory> {}

/** The options with their defaults; `path` without slashes at its ends. */
export interface ResolvedDashboardOptions extends Required<ReplicaDashboardOptions> {}

const DEFAULTS: ResolvedDashboardOptions = {
  path: 'replica',
  guards: [],
  actions: false,
  dataSources: ['default'],
  imports: [],
};

/** Segments of letters, digits and harmless signs: neither parameters nor wildcards. */
const PATH = /^[\w.~-]+(\/[\w.~-]+)*$/;

/** Throws one `InvalidReplicaOptionsError` that lists all mistakes. */
export function resolveDashboardOptions(
  options: ReplicaDashboardOptions,
  environment: string | undefined,
): ResolvedDashboardOptions {
  const problems = new OptionProblems();
  if (problems.object('', options, Object.keys(DEFAULTS))) checkValues(options, problems);
  problems.throwIfAny('ReplicaDashboardModule: ');

  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const { path, ...resolved }: ResolvedDashboardOptions = { ...DEFAULTS, ...Object.fromEntries(given) };
  if (resolved.guards.length === 0) {
    if (resolved.actions)
      problems.add('actions', 'would let anybody drain replicas: give guards, too, such as [AdminGuard]');
    if (environment === 'production')
      problems.add('guards', 'must be given in production (NODE_ENV), or anybody would see the page');
  }
  problems.throwIfAny('ReplicaDashboardModule: ');
  return { ...resolved, path: withoutSlashes(path) };
}

const ASYNC_KEYS = ['imports', 'inject', 'useFactory', 'useClass', 'useExisting', 'extraProviders'];

/** Throws an `InvalidReplicaOptionsError` for anything that `forRootAsync()` does not take. */
export function checkAsyncDashboardOptions(options: ReplicaDashboardAsyncOptions): void {
  const problems = new OptionProblems();
  problems.object('', options, ASYNC_KEYS);
  problems.throwIfAny('ReplicaDashboardModule.forRootAsync(): ');
}

function checkValues(options: ReplicaDashboardOptions, problems: OptionProblems): void {
  const { path, guards, actions, dataSources, imports } = options;
  problems.text('path', path);
  if (typeof path === 'string' && path !== '' && !PATH.test(withoutSlashes(path)))
    problems.add('path', "must be a path of its own without parameters, such as 'admin/replica'");
  problems.boolean('actions', actions);
  for (const [key, list] of Object.entries({ guards, dataSources, imports }))
    if (list !== undefined && !Array.isArray(list))
      problems.add(key, `must be a list, not ${describe(list)}`);
  if (Array.isArray(guards)) guards.forEach((guard, index) => checkGuard(guard, index, problems));
  if (!Array.isArray(dataSources)) return;
  if (dataSources.length === 0) problems.add('dataSources', 'must name a data source');
  dataSources.forEach((name: unknown, index) => {
    if (name === undefined) problems.add(`dataSources[${index}]`, 'must be a text, not undefined');
    problems.text(`dataSources[${index}]`, name);
  });
}

function checkGuard(guard: unknown, index: number, problems: OptionProblems): void {
  const isGuard =
    typeof guard === 'function' ||
    typeof (guard as Partial<CanActivate> | null | undefined)?.canActivate === 'function';
  if (!isGuard) problems.add(`guards[${index}]`, `must be a guard, not ${describe(guard)}`);
}

function withoutSlashes(path: string): string {
  return path.replace(/^\/+/, '').replace(/\/+$/, '');
}
