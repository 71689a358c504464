import { parseArgs } from 'node:util';

const DATABASES = ['postgres', 'mariadb'] as const;

/** A database of which the shop can start servers by itself. */
export type DemoDatabase = (typeof DATABASES)[number];

/**
 * The database that the command line asks for: `--database mariadb`, or PostgreSQL.
 * @throws Error that says what may be written there
 */
export function demoDatabase(args: readonly string[]): DemoDatabase {
  const { database = 'postgres' } = parseArgs({
    args: [...args],
    options: { database: { type: 'string' } },
  }).values;
  const found = DATABASES.find((name) => name === database);
  if (found === undefined)
    throw new Error(`--database is ${JSON.stringify(database)}; it must be one of ${DATABASES.join(', ')}`);
  return found;
}
