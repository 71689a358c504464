import type { DataSource, EntityManager } from 'typeorm';
import type { ContextStorage, Scope } from '../context/context-storage.js';

/** Where a read-only transaction runs. */
export interface ReadOnlyPlace {
  readonly dataSource: DataSource;
  readonly contexts: ContextStorage;
  readonly scope: Scope;
}

/** Calls `fn` inside a transaction `REPEATABLE READ READ ONLY`, on the node that the scope's intent leads to. */
export function runReadOnly<T>(
  { dataSource, contexts, scope }: ReadOnlyPlace,
  fn: (manager: EntityManager) => Promise<T>,
): Promise<T> {
  return contexts.run({ ...scope, readOnlyTransaction: true }, async () => {
    const runner = dataSource.createQueryRunner('slave');
    try {
      await runner.startTransaction('REPEATABLE READ');
      await runner.query('SET TRANSACTION READ ONLY');
      // Other transactions that begin inside `fn` are not declared read-only.
      const result = await contexts.run(scope, () => fn(runner.manager));
      await runner.commitTransaction();
      return result;
    } catch (error) {
      if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
      throw error;
    } finally {
      await runner.release();
    }
  });
}
