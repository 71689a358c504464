import type { ClusterOptions, DatabaseNode } from 'nestjs-replica/testing';
import { forDatabase, TEST_DATABASE } from '../../support/cluster/test-database.js';

/** Settings of the server that make counting possible. */
export const COUNTING_SETTINGS = forDatabase<NonNullable<ClusterOptions['settings']>>({
  postgres: { shared_preload_libraries: 'pg_stat_statements' },
  mariadb: {},
});

/** Counts the statements that the primary runs, by its own statistics and without those of the count itself. */
export interface PrimaryStatements {
  prepare(): Promise<void>;
  reset(): Promise<void>;
  /** Statements since the reset. */
  count(): Promise<number>;
}

/** Counts on a primary of the database that the command line names. */
export function countingOn(primary: DatabaseNode): PrimaryStatements {
  return TEST_DATABASE === 'mariadb' ? new MariadbStatements(primary) : new PostgresStatements(primary);
}

class PostgresStatements implements PrimaryStatements {
  readonly #primary: DatabaseNode;

  constructor(primary: DatabaseNode) {
    this.#primary = primary;
  }

  async prepare(): Promise<void> {
    await this.#primary.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
  }

  async reset(): Promise<void> {
    await this.#primary.query('SELECT pg_stat_statements_reset()');
  }

  async count(): Promise<number> {
    const [row] = await this.#primary.query<{ calls: number }>(
      `SELECT coalesce(sum(calls), 0)::float8 AS calls FROM pg_stat_statements
       WHERE query NOT LIKE '%pg_stat_statements%'`,
    );
    return row?.calls ?? 0;
  }
}

/** What a count of {@link MariadbStatements} itself adds. */
const OWN_QUESTIONS = 1;

class MariadbStatements implements PrimaryStatements {
  readonly #primary: DatabaseNode;
  #before = 0;

  constructor(primary: DatabaseNode) {
    this.#primary = primary;
  }

  prepare(): Promise<void> {
    return Promise.resolve();
  }

  async reset(): Promise<void> {
    this.#before = await this.#ask();
  }

  async count(): Promise<number> {
    return (await this.#ask()) - this.#before - OWN_QUESTIONS;
  }

  async #ask(): Promise<number> {
    const [row] = await this.#primary.query<{ value: string }>(
      `SELECT variable_value AS value FROM information_schema.global_status WHERE variable_name = 'QUESTIONS'`,
    );
    return Number(row?.value);
  }
}
