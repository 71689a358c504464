import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import type { Engine } from '../engine/engine.js';
import { intentOf, type ReadOptions } from '../engine/read-options.js';
import { engineOf, ReplicaRouter } from '../engine/replica-router.js';
import type { DatabaseKind } from './database-kind.js';
import { kindOf } from './kind-of.js';

/** Controls and observes the routing of one data source. Get it by `@InjectDataSourceRouter(name?)`. */
export class DataSourceRouter extends ReplicaRouter {
  readonly #dataSource: DataSource;

  /** @internal Only `ReplicaDataSource` makes one. */
  constructor(dataSource: DataSource, engine: Engine) {
    super(engine);
    this.#dataSource = dataSource;
  }

  /**
   * Calls `fn` with an entity manager inside a transaction `REPEATABLE READ READ ONLY` on one node, so all its reads
   * see the same snapshot. The node is a replica if one may serve. With rules for tables it is the primary, because
   * nobody knows what the transaction will read. A write in the transaction fails with error 25006 of PostgreSQL (1290 or
   * 1792 of MySQL and MariaDB).
   */
  async readOnlyTransaction<T>(options: ReadOptions, fn: (manager: EntityManager) => Promise<T>): Promise<T> {
    const engine = engineOf(this);
    engine.checkRead(options, 'readOnlyTransaction()');
    const { contexts } = engine;
    const scope = engine.scopeFor(intentOf('replica', options, engine.options));
    return contexts.run({ ...scope, readOnlyTransaction: true }, () =>
      // Other transactions that begin inside `fn` are not declared read-only.
      inReadOnlyTransaction(
        this.#dataSource.createQueryRunner('slave'),
        kindOf(engine.options.type),
        ({ manager }) => contexts.run(scope, () => fn(manager)),
      ),
    );
  }
}

/** Calls `fn` inside a transaction of its own on this runner, which is released afterwards. */
async function inReadOnlyTransaction<T>(
  runner: QueryRunner,
  kind: DatabaseKind,
  fn: (runner: QueryRunner) => Promise<T>,
): Promise<T> {
  try {
    await kind.beginReadOnly(runner);
    const result = await fn(runner);
    await runner.commitTransaction();
    return result;
  } catch (error) {
    if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
    throw error;
  } finally {
    await runner.release();
  }
}
