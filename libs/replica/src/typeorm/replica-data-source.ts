import { DataSource, type QueryRunner } from 'typeorm';
import { DEFAULTS } from '../options/defaults.js';
import type { ReplicaDataSourceOptions } from '../options/replica-options.js';
import { resolveOptions, type ResolvedOptions } from '../options/resolve-options.js';
import { createPgDriver } from '../postgres/pg-driver.js';
import { dataSourceOptions } from './data-source-options.js';
import { DataSourceRouter } from './data-source-router.js';
import { OperatorLog, type LogSink } from './operator-log.js';
import type { PoolSettings } from './pool-config.js';
import { ReplicaRuntime } from './replica-runtime.js';
import { RoutedResultCache } from './routed-result-cache.js';
import { primaryOnlyTables, TableRules } from './table-rules.js';

/** What TypeORM does at the start when these are set changes the schema. */
const SCHEMA_CHANGES = ['dropSchema', 'migrationsRun', 'synchronize'] as const;

/**
 * A TypeORM `DataSource` whose statements are routed. Everything made from it (repositories, managers, query builders,
 * query runners) follows the routing rule; outside a request all goes to the primary. `ReplicaModule` makes one for
 * you; use it directly in scripts and for TypeORM's command line.
 */
export class ReplicaDataSource extends DataSource {
  /** By this name typeorm-transactional knows a data source. */
  static override readonly name = 'DataSource';

  /** What the application tells and asks the routing. */
  readonly router: DataSourceRouter;
  readonly #resolved: ResolvedOptions<never>;
  readonly #given: ReplicaDataSourceOptions<never>;
  readonly #log = new OperatorLog(
    () => this.#sink ?? this.#typeormLog,
    () => performance.now(),
  );
  #sink: LogSink | undefined;
  /** TypeORM's logger, which has no level for errors that are no query's. */
  readonly #typeormLog: LogSink = {
    log: (message) => this.logger.log('info', `[nestjs-replica] ${message}`),
    warn: (message) => this.logger.log('warn', `[nestjs-replica] ${message}`),
    error: (message) => this.logger.log('warn', `[nestjs-replica] ${message}`),
  };
  /** Shared with the driver that TypeORM holds. */
  readonly #current: { runtime?: ReplicaRuntime };

  /** Throws an `InvalidReplicaOptionsError` that lists all mistakes. */
  constructor(options: ReplicaDataSourceOptions<never>) {
    const resolved = resolveOptions(options);
    const current: { runtime?: ReplicaRuntime } = {};
    const runtime = (): ReplicaRuntime => {
      if (current.runtime === undefined)
        throw new Error('The data source is not initialized: call initialize() first');
      return current.runtime;
    };
    super(
      dataSourceOptions(
        options,
        resolved,
        createPgDriver(() => runtime().router),
      ),
    );
    this.#current = current;
    this.#given = options;
    this.#resolved = resolved;
    this.router = new DataSourceRouter(this, resolved, { runtime, log: this.#log });
    this.#routeResultCache();
    this.#keepQueriesRouted();
  }

  /**
   * Sends the lines for operators (which nodes there are, each that goes out of rotation and why, another primary) to
   * `sink` instead of TypeORM's logger, which by default shows none of them. `ReplicaModule` sends them to Nest's.
   */
  logTo(sink: LogSink): this {
    this.#sink = sink;
    return this;
  }

  /** Connects to the primary; replicas are connected when they are first read from, and may be down. */
  override async initialize(): Promise<this> {
    if (this.isInitialized || this.#current.runtime !== undefined) return super.initialize();
    const { tables } = this.#resolved;
    let rules = new TableRules(tables);
    const runtime = new ReplicaRuntime({
      options: this.#resolved,
      poolSettings: this.#poolSettings(),
      contexts: this.router.contexts,
      isEnabled: () => this.router.isEnabled,
      hasReplicas: () => this.router.hasReplicas,
      onDiscoveryFailure: () => this.router.count('failedDiscoveries'),
      statementListener: () => this.router.statementListener,
      tableRule: (statement) => rules.ruleFor(statement),
      emit: (event, ...args) => this.router.emit(event, ...args),
      log: this.#log,
    });
    this.#current.runtime = runtime;
    try {
      await runtime.start(SCHEMA_CHANGES.filter((option) => this.#given[option] === true));
      await super.initialize();
      rules = new TableRules(tables, primaryOnlyTables(this.entityMetadatas));
      await runtime.learnSchema();
      this.#warnOfUnknownTables(rules, runtime);
      return this;
    } catch (error) {
      await this.#stop();
      throw error;
    }
  }

  override async destroy(): Promise<void> {
    try {
      await super.destroy();
    } finally {
      await this.#stop();
    }
  }

  /** Runs a raw statement: a read may use a replica, too. */
  // oxlint-disable-next-line typescript/no-explicit-any -- the default of TypeORM's own signature
  override query<T = any>(sql: string, parameters?: unknown[], queryRunner?: QueryRunner): Promise<T> {
    if (queryRunner !== undefined || !this.isInitialized) {
      return super.query(sql, parameters as never, queryRunner) as Promise<T>;
    }
    return this.#queryOnOwnRunner<T>(sql, parameters);
  }

  #queryOnOwnRunner<T>(sql: string, parameters?: unknown[]): Promise<T> {
    return this.#onOwnRunner((runner) => super.query(sql, parameters as never, runner) as Promise<T>);
  }

  async #onOwnRunner<T>(fn: (runner: QueryRunner) => Promise<T>): Promise<T> {
    const runner = this.createQueryRunner('slave');
    try {
      return await fn(runner);
    } finally {
      await runner.release();
    }
  }

  /**
   * typeorm-transactional assigns a `query` of its own to the data source, which calls TypeORM's and not ours: outside its
   * transactions it is given the runner that lets a read use a replica.
   */
  #keepQueriesRouted(): void {
    let query: DataSource['query'] = this.query.bind(this);
    Object.defineProperty(this, 'query', {
      configurable: true,
      get: () => query,
      set: (assigned: DataSource['query']) => {
        query = ((sql: string, parameters?: never, queryRunner?: QueryRunner) => {
          const isOnRunner = queryRunner !== undefined || this.manager.queryRunner !== undefined;
          return isOnRunner || !this.isInitialized
            ? assigned.call(this, sql, parameters, queryRunner)
            : this.#onOwnRunner((runner) => assigned.call(this, sql, parameters, runner));
        }) as DataSource['query'];
      },
    });
  }

  /** A rule may come before its table; one that was misspelt must not go unnoticed. */
  #warnOfUnknownTables(rules: TableRules, runtime: ReplicaRuntime): void {
    const unknown = rules.unknownTables((name) => runtime.knowsRelation(name));
    if (unknown.length === 0) return;
    this.#log.warn(`there are rules for tables that the database does not have: ${unknown.join(', ')}`);
  }

  async #stop(): Promise<void> {
    const { runtime } = this.#current;
    this.#current.runtime = undefined;
    await runtime?.stop();
  }

  #routeResultCache(): void {
    if (this.queryResultCache === undefined) return;
    this.queryResultCache = new RoutedResultCache(
      this.queryResultCache,
      this.router.contexts,
      this.#resolved,
    );
  }

  #poolSettings(): PoolSettings {
    const { connectTimeoutMS, applicationName, poolSize, extra, poolErrorHandler, logNotifications } =
      this.#given;
    return {
      connectTimeoutMs: connectTimeoutMS ?? DEFAULTS.connectTimeoutMS,
      applicationName,
      poolSize,
      extra: (extra ?? {}) as Record<string, unknown>,
      onIdleError: (error, node) =>
        poolErrorHandler === undefined
          ? this.#log.warnSeldom(`idle ${node}`, `an idle connection to ${node} broke: ${error.message}`)
          : void poolErrorHandler(error),
      onNotice:
        logNotifications === true ? ({ message }) => this.logger.log('info', message ?? '') : undefined,
    };
  }
}
