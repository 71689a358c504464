import { DataSource, type QueryRunner } from 'typeorm';
import { Engine } from '../engine/engine.js';
import { OperatorLog, type LogSink } from '../engine/operator-log.js';
import { conceal } from '../options/conceal.js';
import { GIVEN_OPTIONS } from '../options/given-options.js';
import type { DatabaseType } from '../options/database-type.js';
import type { OptionsOfAnyType, ReplicaDataSourceOptions } from '../options/typeorm-options.js';
import { resolveOptions } from '../options/resolve-options.js';
import { dataSourceOptions, optionsAsGiven } from './data-source-options.js';
import { engineOf } from '../engine/replica-router.js';
import { DataSourceRouter } from './data-source-router.js';
import { keepCacheRouted, onReadRunner, routeCachesOf, routeQueriesOf } from './keep-routed.js';
import { kindOf } from './kind-of.js';
import { primaryOnlyTables } from './primary-only.decorator.js';
import { TypeOrmLog } from './typeorm-log.js';

/** What TypeORM does at the start when these are set changes the schema. */
const SCHEMA_CHANGES = ['dropSchema', 'migrationsRun', 'synchronize'] as const;

/**
 * A TypeORM `DataSource` whose statements are routed. Everything made from it (repositories, managers, query
 * builders, query runners) follows the routing rule. Outside a request everything goes to the primary.
 * `ReplicaModule` makes one for you; use the class directly in scripts and for TypeORM's command line.
 */
export class ReplicaDataSource extends DataSource {
  /** By this name typeorm-transactional knows a data source. */
  static override readonly name = 'DataSource';

  /**
   * Controls and observes the routing. It also leads to the engine: a clone that somebody makes property by property
   * has this property, but none of the private fields, and works like the original.
   */
  readonly router: DataSourceRouter;

  /**
   * Also takes the options of another `ReplicaDataSource`: `new ReplicaDataSource({ ...dataSource.options, ... })`.
   * Throws an `InvalidReplicaOptionsError` that lists all mistakes.
   */
  constructor(options: ReplicaDataSourceOptions<never, DatabaseType>) {
    const given = optionsAsGiven(options);
    const resolved = resolveOptions(given);
    const log = new OperatorLog();
    const typeormLog = new TypeOrmLog();
    const kind = kindOf(resolved.type);
    const behind = kind.open(given, { typeorm: typeormLog, operator: log });
    const engine = new Engine(resolved, behind.database, log);
    const driver = behind.driver(() => engine.cluster.router);
    super(dataSourceOptions(given, resolved, { driver, replacedOptions: kind.replacedOptions }));
    typeormLog.writeBy(this);
    log.sendTo(typeormLog);
    conceal(this, () => ({
      name: resolved.name,
      isInitialized: this.isInitialized,
      nodes: [resolved.primary, ...resolved.replicas, ...resolved.endpoints].map(
        ({ name, address }) => `${name} (${address})`,
      ),
    }));
    conceal(this.driver, () => ({ type: resolved.type }));
    this.router = new DataSourceRouter(this, engine);
    keepCacheRouted(this);
  }

  /**
   * Sends the lines for operators to `sink`: which nodes there are, each one that goes out of rotation and why,
   * another primary. Otherwise they go to TypeORM's logger, which by default shows none of them. `ReplicaModule`
   * sends them to Nest's.
   */
  logTo(sink: LogSink): this {
    engineOf(this.router).log.sendTo(sink);
    return this;
  }

  /** Connects to the primary. Replicas are connected when they are first read from, and may be down. */
  override async initialize(): Promise<this> {
    const engine = engineOf(this.router);
    if (this.isInitialized || engine.isStarted) return super.initialize();
    try {
      await engine.start(SCHEMA_CHANGES.filter((option) => this.options[option] === true));
      await super.initialize();
      await engine.learnSchema(primaryOnlyTables(this.entityMetadatas));
      return this;
    } catch (error) {
      await engine.stop();
      throw error;
    }
  }

  override async destroy(): Promise<void> {
    try {
      await super.destroy();
    } finally {
      await engineOf(this.router).stop();
    }
  }

  /**
   * Runs a raw statement. A read may use a replica, too. Rejects with an `UnboundTransactionError` if the text would
   * leave a transaction open.
   */
  // oxlint-disable-next-line typescript/no-explicit-any -- the default of TypeORM's own signature
  override query<T = any>(sql: string, parameters?: unknown[], queryRunner?: QueryRunner): Promise<T> {
    if (queryRunner !== undefined || !this.isInitialized) {
      return super.query(sql, parameters as never, queryRunner) as Promise<T>;
    }
    return this.queryOnReadRunner<T>(sql, parameters);
  }

  /** @internal */
  [GIVEN_OPTIONS](): OptionsOfAnyType<never> {
    return optionsAsGiven(this.options as OptionsOfAnyType<never>);
  }

  private queryOnReadRunner<T>(sql: string, parameters?: unknown[]): Promise<T> {
    return onReadRunner(this, (runner) => {
      assertLeavesNoTransaction(this, sql);
      return super.query(sql, parameters as never, runner) as Promise<T>;
    });
  }
}

routeCachesOf(ReplicaDataSource.prototype);
routeQueriesOf(ReplicaDataSource.prototype, assertLeavesNoTransaction);

/** Throws an `UnboundTransactionError` where the text would leave a transaction open. */
function assertLeavesNoTransaction({ router }: ReplicaDataSource, sql: string): void {
  engineOf(router).cluster.router.assertLeavesNoTransaction(sql);
}
