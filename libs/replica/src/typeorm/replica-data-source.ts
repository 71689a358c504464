import { DataSource, type QueryRunner } from 'typeorm';
import { conceal } from '../options/conceal.js';
import { DEFAULTS } from '../options/option-table.js';
import type { ReplicaDataSourceOptions } from '../options/replica-options.js';
import { resolveOptions } from '../options/resolve-options.js';
import { createPgDriver } from '../postgres/pg-driver.js';
import type { PoolSettings } from '../postgres/pool-config.js';
import { dataSourceOptions, optionsAsGiven } from './data-source-options.js';
import { DataSourceParts } from './data-source-parts.js';
import { DataSourceRouter } from './data-source-router.js';
import { keepCacheRouted, onReadRunner, routeCachesOf, routeQueriesOf } from './keep-routed.js';
import type { LogSink } from '../engine/operator-log.js';
import { ReplicaRuntime } from '../engine/replica-runtime.js';
import { tellErrorHandler, tellLogger } from './tell-logger.js';
import { TableRules } from '../engine/table-rules.js';
import { primaryOnlyTables } from './primary-only.decorator.js';

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
  /** Not `#parts`: large applications clone a data source property by property, and the clone has to work as the original. */
  private readonly parts: DataSourceParts;

  /**
   * Takes its own options again, too: `new ReplicaDataSource({ ...dataSource.options, ... })`. Throws an
   * `InvalidReplicaOptionsError` that lists all mistakes.
   */
  constructor(options: ReplicaDataSourceOptions<never>) {
    const given = optionsAsGiven(options);
    const resolved = resolveOptions(given);
    const parts = new DataSourceParts(given, resolved);
    super(
      dataSourceOptions(
        given,
        resolved,
        createPgDriver(() => parts.runtime.router),
      ),
    );
    this.parts = parts;
    conceal(this, () => ({
      name: resolved.name,
      isInitialized: this.isInitialized,
      nodes: [resolved.primary, ...resolved.replicas].map(({ name, address }) => `${name} (${address})`),
    }));
    parts.logBy(() => this.logger);
    this.router = new DataSourceRouter(this, resolved, { runtime: () => parts.runtime, log: parts.log });
    keepCacheRouted(this);
  }

  /**
   * Sends the lines for operators (which nodes there are, each that goes out of rotation and why, another primary) to
   * `sink` instead of TypeORM's logger, which by default shows none of them. `ReplicaModule` sends them to Nest's.
   */
  logTo(sink: LogSink): this {
    this.parts.logTo(sink);
    return this;
  }

  /** Connects to the primary; replicas are connected when they are first read from, and may be down. */
  override async initialize(): Promise<this> {
    if (this.isInitialized || this.parts.isStarted) return super.initialize();
    const { parts } = this;
    const { resolved, given } = parts;
    const { tables } = resolved;
    let rules = new TableRules(tables);
    const runtime = new ReplicaRuntime({
      options: resolved,
      poolSettings: poolSettings(this, parts),
      contexts: this.router.contexts,
      isEnabled: () => this.router.isEnabled,
      hasReplicas: () => this.router.hasReplicas,
      onDiscoveryFailure: () => this.router.count('failedDiscoveries'),
      shown: () => parts.shown,
      statementListener: () => this.router.statementListener,
      tableRule: (statement) => rules.ruleFor(statement),
      emit: (event, ...args) => this.router.emit(event, ...args),
      log: parts.log,
    });
    parts.start(runtime);
    try {
      for (const warning of resolved.warnings) parts.log.warn(`option ${warning}`);
      // What begins here goes on for as long as the data source lives.
      const schemaChanges = SCHEMA_CHANGES.filter((option) => given[option] === true);
      await this.router.contexts.exit(() => runtime.start(schemaChanges));
      await super.initialize();
      rules = new TableRules(tables, primaryOnlyTables(this.entityMetadatas));
      await runtime.learnSchema();
      this.warnOfUnknownTables(rules, runtime);
      return this;
    } catch (error) {
      await this.parts.stop();
      throw error;
    }
  }

  override async destroy(): Promise<void> {
    try {
      await super.destroy();
    } finally {
      await this.parts.stop();
    }
  }

  /** Runs a raw statement: a read may use a replica, too. Rejects with an `UnboundTransactionError` where it would leave a transaction open. */
  // oxlint-disable-next-line typescript/no-explicit-any -- the default of TypeORM's own signature
  override query<T = any>(sql: string, parameters?: unknown[], queryRunner?: QueryRunner): Promise<T> {
    if (queryRunner !== undefined || !this.isInitialized) {
      return super.query(sql, parameters as never, queryRunner) as Promise<T>;
    }
    return this.queryOnReadRunner<T>(sql, parameters);
  }

  private queryOnReadRunner<T>(sql: string, parameters?: unknown[]): Promise<T> {
    return onReadRunner(this, (runner) => {
      this.assertLeavesNoTransaction(sql);
      return super.query(sql, parameters as never, runner) as Promise<T>;
    });
  }

  /** Throws an `UnboundTransactionError` where the text would leave a transaction open. */
  private assertLeavesNoTransaction(sql: string): void {
    this.parts.runtime.router.assertLeavesNoTransaction(sql);
  }

  /** A rule may come before its table; one that was misspelt must not go unnoticed. */
  private warnOfUnknownTables(rules: TableRules, runtime: ReplicaRuntime): void {
    const unknown = rules.unknownTables((name) => runtime.knowsRelation(name));
    if (unknown.length === 0) return;
    this.parts.log.warn(`there are rules for tables that the database does not have: ${unknown.join(', ')}`);
  }
}

routeCachesOf(ReplicaDataSource.prototype);
routeQueriesOf(ReplicaDataSource.prototype, (dataSource, sql) =>
  dataSource['assertLeavesNoTransaction'](sql),
);

function poolSettings(dataSource: DataSource, { given, log }: DataSourceParts): PoolSettings {
  const { connectTimeoutMS, applicationName, poolSize, extra, poolErrorHandler, logNotifications } = given;
  return {
    connectTimeoutMs: connectTimeoutMS ?? DEFAULTS.connectTimeoutMS,
    applicationName,
    poolSize,
    extra: (extra ?? {}) as Record<string, unknown>,
    onIdleError: (error, node) =>
      poolErrorHandler === undefined
        ? log.warnSeldom(`idle ${node}`, `an idle connection to ${node} broke: ${error.message}`)
        : tellErrorHandler(poolErrorHandler, error, log),
    onConnect: logNotifications === true ? logMessagesTo(dataSource) : undefined,
  };
}

/** What the server sends unasked, in TypeORM's own words. */
function logMessagesTo(dataSource: DataSource): PoolSettings['onConnect'] {
  return (client) => {
    client.on('notice', ({ message }) => tellLogger(dataSource.logger, 'info', message ?? ''));
    client.on('notification', ({ channel, payload }) =>
      tellLogger(dataSource.logger, 'info', `Received NOTIFY on channel ${channel}: ${payload}.`),
    );
  };
}
