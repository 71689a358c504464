import type pg from 'pg';
import { DriverNotInstalledError } from '../errors/driver-not-installed.error.js';

let used: typeof pg | undefined;

/**
 * Gives this folder the module `pg`. Whoever opens a database of PostgreSQL calls this first: TypeORM loads the module in its own way, and
 * a pool imports it. If a process has several copies, all connections are made by the first one.
 */
export function usePg(module: typeof pg): void {
  used ??= module;
}

/** The module `pg` that {@link usePg} was given. */
export function pgModule(): typeof pg {
  if (used === undefined) throw new Error('pg is not loaded yet: call usePg() or importPg() first');
  return used;
}

/** Imports the copy of `pg` that is installed beside this package, and uses it. Rejects with a `DriverNotInstalledError`. */
export async function importPg(): Promise<typeof pg> {
  try {
    const { default: module } = await import('pg');
    usePg(module);
    return module;
  } catch (error) {
    throw new DriverNotInstalledError('pg', error);
  }
}
