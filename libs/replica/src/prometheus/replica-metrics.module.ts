import {
  type DynamicModule,
  Inject,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { checked, checkObject, type TableOf } from '../options/option.js';
import { OptionProblems } from '../options/option-problems.js';
import { routersByName } from '../nest/routers-by-name.js';
import { DEFAULT_NAME } from '../nest/module-tokens.js';
import {
  REGISTRATION,
  registerReplicaMetrics,
  type ReplicaMetricsOptions,
} from './register-replica-metrics.js';

/** Options of `ReplicaMetricsModule.forRoot()`. */
export interface ReplicaMetricsModuleOptions extends Omit<ReplicaMetricsOptions, 'dataSource'> {
  /** The names of the data sources and pools to report. Default: the one without a name, `['default']`. */
  readonly dataSources?: readonly string[];
}

const SETTINGS = Symbol('nestjs-replica metrics settings');

const OPTIONS: TableOf<ReplicaMetricsModuleOptions> = {
  ...REGISTRATION,
  dataSources: checked('list of texts', (problems, path, value) => {
    const isList = Array.isArray(value) && value.length > 0;
    if (value !== undefined && !(isList && value.every((name) => typeof name === 'string' && name !== '')))
      problems.add(path, "must be a list of names such as ['default']");
  }),
};

/**
 * Reports routers to Prometheus while the application runs. It brings no endpoint: whatever serves the registry serves these
 * metrics, too.
 */
@Module({})
export class ReplicaMetricsModule implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #stops: (() => void)[] = [];

  /** @internal Nest makes it. */
  constructor(
    @Inject(SETTINGS) private readonly settings: ReplicaMetricsModuleOptions,
    @Inject(ModuleRef) private readonly modules: ModuleRef,
  ) {}

  static forRoot(options: ReplicaMetricsModuleOptions = {}): DynamicModule {
    const problems = new OptionProblems();
    checkObject(problems, '', options, OPTIONS);
    problems.throwIfAny('ReplicaMetricsModule.forRoot(): ');
    return { module: ReplicaMetricsModule, providers: [{ provide: SETTINGS, useValue: options }] };
  }

  onApplicationBootstrap(): void {
    const { dataSources = [DEFAULT_NAME], ...options } = this.settings;
    for (const [dataSource, router] of routersByName(this.modules, dataSources))
      this.#stops.push(registerReplicaMetrics(router, { ...options, dataSource }));
  }

  onApplicationShutdown(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }
}
