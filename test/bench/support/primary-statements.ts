import type { PostgresNode } from 'nestjs-replica/testing';

/** Settings of the server that make counting possible. */
export const COUNTING_SETTINGS = { shared_preload_libraries: 'pg_stat_statements' } as const;

/** Counts the statements that the primary runs, by its own statistics and without those of the count itself. */
export class PrimaryStatements {
  readonly #primary: PostgresNode;

  constructor(primary: PostgresNode) {
    this.#primary = primary;
  }

  async prepare(): Promise<void> {
    await this.#primary.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
  }

  async reset(): Promise<void> {
    await this.#primary.query('SELECT pg_stat_statements_reset()');
  }

  /** Statements since the reset; with `like`, only those whose text matches. */
  async count(like = '%'): Promise<number> {
    const [row] = await this.#primary.query<{ calls: number }>(
      `SELECT coalesce(sum(calls), 0)::float8 AS calls FROM pg_stat_statements
       WHERE query LIKE $1 AND query NOT LIKE '%pg_stat_statements%'`,
      [like],
    );
    return row?.calls ?? 0;
  }
}
