import type * as mysql2 from 'mysql2';
import { loadDriver } from '../execution/load-driver.js';

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

let loaded: Mysql2 | undefined;

/** The module `mysql2`, loaded when it is first asked for. Throws a `DriverNotInstalledError`. */
export function loadMysql2(): Mysql2 {
  return (loaded ??= loadDriver('mysql2') as Mysql2);
}
