import { Inject, Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { engineOf, type ReplicaRouter } from '../engine/replica-router.js';
import { DEFAULT_NAME } from '../nest/module-tokens.js';
import { findRouter } from '../nest/routers-by-name.js';
import { checkObject, duration, oneOf, type TableOf, text, whole } from '../options/option.js';
import { OptionProblems } from '../options/option-problems.js';
import {
  judgeReadiness,
  type Readiness,
  type ReadinessFacts,
  type ReadinessNeeds,
} from './judge-readiness.js';

/** After how many of its intervals a monitor without a finished probe counts as silent. */
const SILENT_INTERVALS = 3;

/** What {@link ReplicaHealthIndicator.isReady} asks of a data source. */
export interface ReplicaHealthOptions extends ReadinessNeeds {
  /** The name of the data source or pool. Default: the one without a name. */
  readonly dataSource?: string;
}

const OPTIONS: TableOf<ReplicaHealthOptions> = {
  needs: oneOf(['read', 'write'], { default: 'read' }),
  minReplicas: whole({ min: 0, default: 0 }),
  maxLagMs: duration({ min: 0 }),
  dataSource: text({ default: DEFAULT_NAME }),
};

/**
 * Tells Terminus whether a data source can do its work. It answers from what the monitor knows, and runs no query. Add it to the
 * providers of a module that imports `TerminusModule`.
 */
@Injectable()
export class ReplicaHealthIndicator {
  /** @internal Nest makes it. */
  constructor(
    @Inject(HealthIndicatorService) private readonly indicators: HealthIndicatorService,
    @Inject(ModuleRef) private readonly modules: ModuleRef,
  ) {}

  /**
   * The readiness of a data source, under `key`:
   *
   * - `up`: the primary answers, and at least `minReplicas` replicas serve.
   * - `degraded`: some node answers, but the primary or too many replicas are away. The HTTP status stays 200. Terminus knows
   *   this status from version 12 on; with version 11 it is `up` with `degraded: true`.
   * - `down`: no node answers, the data source is not initialized, or the monitor has been silent for three intervals. With
   *   `needs: 'write'` also without the primary.
   *
   * Never throws. If an option is wrong or there is no such data source, it is `down`, too, and the message says why.
   */
  isReady<const Key extends string>(
    key: Key,
    options: ReplicaHealthOptions = {},
  ): HealthIndicatorResult<Key> {
    const { status, ...data } = this.#judge(options);
    const indicator = this.indicators.check(key);
    if (status === 'down') return indicator.down(data);
    if (status === 'up') return indicator.up(data);
    const { degraded } = indicator as Partial<Pick<typeof indicator, 'degraded'>>;
    return degraded === undefined ? indicator.up({ ...data, degraded: true }) : indicator.degraded(data);
  }

  #judge(options: ReplicaHealthOptions): Pick<Readiness, 'status'> & Partial<Readiness> {
    const problems = new OptionProblems();
    checkObject(problems, '', options, OPTIONS);
    if (problems.list.length > 0)
      return { status: 'down', message: `isReady(): ${problems.list.join('; ')}` };
    const { dataSource = DEFAULT_NAME, ...needs } = options;
    const router = findRouter(this.modules, dataSource);
    if (router === undefined)
      return {
        status: 'down',
        message: 'the application has no data source or pool of that name, or one of each',
      };
    return judgeReadiness(factsOf(router), needs);
  }
}

function factsOf(router: ReplicaRouter): ReadinessFacts {
  const { isStarted, monitor, options } = engineOf(router);
  const { intervalMs, probeTimeoutMs } = options.monitor;
  const silentMs = performance.now() - (monitor?.probedAtMs ?? Infinity);
  return {
    topology: isStarted ? router.topology() : undefined,
    isWatched: monitor !== undefined,
    // A probe of a node that hangs takes as long as the limit allows.
    isMonitorSilent: silentMs > SILENT_INTERVALS * intervalMs + probeTimeoutMs,
  };
}
