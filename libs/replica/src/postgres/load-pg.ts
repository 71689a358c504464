import type pg from 'pg';
import { loadDriver } from '../execution/load-driver.js';

let loaded: typeof pg | undefined;

/** The module `pg`, loaded when it is first asked for. Throws a `DriverNotInstalledError`. */
export function loadPg(): typeof pg {
  return (loaded ??= loadDriver('pg') as typeof pg);
}
