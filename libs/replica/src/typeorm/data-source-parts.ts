import type { Logger } from 'typeorm';
import { ShownSessions } from '../context/shown-sessions.js';
import type { ReplicaDataSourceOptions } from '../options/replica-options.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { OperatorLog, type LogSink } from '../engine/operator-log.js';
import type { ReplicaRuntime } from '../engine/replica-runtime.js';

/**
 * What a data source, its clones and the driver that TypeORM holds share. In private fields of its own, so that it can be copied by
 * reference and `inspect()` shows nothing of it.
 */
export class DataSourceParts {
  readonly #given: ReplicaDataSourceOptions<never>;
  readonly #resolved: ResolvedOptions<never>;
  #runtime: ReplicaRuntime | undefined;
  #shown: ShownSessions | undefined;
  #sink: LogSink | undefined;
  #logger: (() => Logger) | undefined;
  /** TypeORM's logger, which has no level for errors that are no query's. */
  readonly #typeormLog: LogSink = {
    log: (message) => this.#logger?.().log('info', `[nestjs-replica] ${message}`),
    warn: (message) => this.#logger?.().log('warn', `[nestjs-replica] ${message}`),
    error: (message) => this.#logger?.().log('warn', `[nestjs-replica] ${message}`),
  };
  readonly #log = new OperatorLog(
    () => this.#sink ?? this.#typeormLog,
    () => performance.now(),
  );

  constructor(given: ReplicaDataSourceOptions<never>, resolved: ResolvedOptions<never>) {
    this.#given = given;
    this.#resolved = resolved;
  }

  /** The options as they were given. */
  get given(): ReplicaDataSourceOptions<never> {
    return this.#given;
  }

  get resolved(): ResolvedOptions<never> {
    return this.#resolved;
  }

  /** Throws an `Error` before the data source is initialized. */
  get runtime(): ReplicaRuntime {
    if (this.#runtime === undefined)
      throw new Error('The data source is not initialized: call initialize() first');
    return this.#runtime;
  }

  get isStarted(): boolean {
    return this.#runtime !== undefined;
  }

  start(runtime: ReplicaRuntime): void {
    this.#runtime = runtime;
  }

  async stop(): Promise<void> {
    const runtime = this.#runtime;
    this.#runtime = undefined;
    await runtime?.stop();
  }

  /** Lines for operators. */
  get log(): OperatorLog {
    return this.#log;
  }

  /** They go there from now on, unless {@link logTo} says otherwise. `logger` is asked each time: it may be replaced. */
  logBy(logger: () => Logger): void {
    this.#logger = logger;
  }

  logTo(sink: LogSink): void {
    this.#sink = sink;
  }

  /** What clients were shown since there has been a result cache; `undefined` without one. */
  get shown(): ShownSessions | undefined {
    return this.#shown;
  }

  /** There is a result cache: from now on it is noted what clients are shown. */
  noteShown(): ShownSessions {
    this.#shown ??= new ShownSessions(() => performance.now());
    return this.#shown;
  }
}
