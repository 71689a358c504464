import { DriverNotInstalledError } from '../errors/driver-not-installed.error.js';
import type * as mysql2 from 'mysql2';

/** What `mysql2` calls with the answer of a command. Without an error it passes `null`. */
type QueryCallback = (error: unknown, rows: unknown, fields: unknown) => void;

/** The module `mysql2`. It has more than it declares. */
export type Mysql2 = typeof mysql2 & {
  /** Makes a command that a connection can run later. `config`: that of the connection; only its defaults for rows are read. */
  createQuery(
    sql: unknown,
    values: unknown,
    callback: QueryCallback | undefined,
    config: object,
  ): mysql2.Query;
};

let used: Mysql2 | undefined;

/** Gives this folder the module `mysql2`. Whoever opens a database of MySQL or MariaDB calls this first. The first copy counts. */
export function useMysql2(module: Mysql2): void {
  used ??= module;
}

/** The module `mysql2` that {@link useMysql2} was given. */
export function mysql2Module(): Mysql2 {
  if (used === undefined)
    throw new Error('mysql2 is not loaded yet: call useMysql2() or importMysql2() first');
  return used;
}

/** Imports the copy of `mysql2` that is installed beside this package, and uses it. Rejects with a `DriverNotInstalledError`. */
export async function importMysql2(): Promise<void> {
  try {
    const { default: module } = await import('mysql2');
    useMysql2(module as unknown as Mysql2);
  } catch (error) {
    throw new DriverNotInstalledError('mysql2', error);
  }
}
