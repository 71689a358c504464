import type { NodeOptions } from './replica-options.js';
import { InvalidReplicaOptionsError } from '../errors/invalid-options.error.js';
import { familyOf, type DatabaseFamily, type DatabaseType } from './database-type.js';
import { problemOfUrl } from './node-address.js';
import { decoded, dropUndefined } from './option-values.js';

/** The result of {@link replicaOptionsFromEnv}, to be spread into the options. */
export interface OptionsFromEnv<Database extends DatabaseType = 'postgres'> {
  readonly type: Database;
  readonly primary: NodeOptions;
  readonly replicas: readonly NodeOptions[];
  readonly enabled: boolean;
}

const ON = ['1', 'true', 'on', 'yes'];
const OFF = ['0', 'false', 'off', 'no'];

/**
 * Reads the nodes from environment variables.
 *
 * - Primary: `DATABASE_URL`, which also tells the type of database (`postgres://`, `mysql://` or `mariadb://`), or `POSTGRES_HOST`, `POSTGRES_PORT`, `POSTGRES_USER`, `POSTGRES_PASSWORD`, `POSTGRES_DB`.
 * - Replicas: `DATABASE_READ_REPLICA_URL`, one or several, separated by commas (a comma inside a URL is written `%2C`); or
 *   `POSTGRES_READ_REPLICA_HOST`, `_PORT`, `_USER`, `_PASSWORD`, `_DB`. User, password and database default to the
 *   primary's.
 * - `ENABLE_READ_REPLICA`: `0`, `false`, `off` or `no` sends everything to the primary. Default on.
 *
 * Throws an `InvalidReplicaOptionsError` that names the variable and never its content.
 *
 * For the compiler the options are PostgreSQL's. If `DATABASE_URL` is another database's, write
 * `replicaOptionsFromEnv<'mysql'>()`.
 */
export function replicaOptionsFromEnv<Database extends DatabaseType = 'postgres'>(
  env: Readonly<Record<string, string | undefined>> = process.env,
): OptionsFromEnv<Database> {
  const problems: string[] = [];
  const read = (name: string): string | undefined => env[name]?.trim() || undefined;
  const isOn = readSwitch(read('ENABLE_READ_REPLICA'), problems);
  const type = typeOf(read('DATABASE_URL'));
  const family = familyOf(type);
  const primary = readPrimary(read, family, problems);
  const replicas = isOn ? readReplicas(read, { primary, family }, problems) : [];
  if (problems.length > 0 || primary === undefined) throw new InvalidReplicaOptionsError(problems);
  return { type: type as Database, primary, replicas, enabled: isOn };
}

function typeOf(url: string | undefined): DatabaseType {
  const [, type] = /^(mysql|mariadb):/i.exec(url ?? '') ?? [];
  return (type?.toLowerCase() as DatabaseType | undefined) ?? 'postgres';
}

type Read = (name: string) => string | undefined;

function readSwitch(value: string | undefined, problems: string[]): boolean {
  if (value === undefined || ON.includes(value.toLowerCase())) return true;
  if (!OFF.includes(value.toLowerCase())) {
    problems.push(`ENABLE_READ_REPLICA must be one of ${[...ON, ...OFF].join(', ')}, not another text`);
  }
  return false;
}

function readPrimary(read: Read, family: DatabaseFamily, problems: string[]): NodeOptions | undefined {
  const url = read('DATABASE_URL');
  if (url !== undefined) {
    const problem = problemOfUrl(url, family);
    if (problem !== undefined) problems.push(`DATABASE_URL ${problem}`);
    return { url };
  }
  if (read('POSTGRES_HOST') === undefined) {
    problems.push('DATABASE_URL is missing (or POSTGRES_HOST with POSTGRES_PORT, _USER, _PASSWORD and _DB)');
    return undefined;
  }
  return readParts(read, 'POSTGRES_', problems);
}

function readReplicas(
  read: Read,
  { primary, family }: { readonly primary: NodeOptions | undefined; readonly family: DatabaseFamily },
  problems: string[],
): NodeOptions[] {
  const urls = read('DATABASE_READ_REPLICA_URL');
  if (urls !== undefined) {
    const list = urls.split(',').map((url) => url.trim());
    list.forEach((url, index) => {
      const problem = problemOfUrl(url, family);
      if (problem !== undefined)
        problems.push(`DATABASE_READ_REPLICA_URL (number ${index + 1} of ${list.length}) ${problem}`);
    });
    return list.map((url) => ({ url }));
  }
  if (read('POSTGRES_READ_REPLICA_HOST') === undefined) return [];
  const own = readParts(read, 'POSTGRES_READ_REPLICA_', problems);
  const { username, password, database } =
    primary?.url === undefined ? { ...primary } : readUrl(primary.url, family);
  return [{ username, password, database, ...dropUndefined(own) }];
}

function readParts(read: Read, prefix: string, problems: string[]): NodeOptions {
  const port = read(`${prefix}PORT`);
  if (port !== undefined && !/^\d{1,5}$/.test(port)) {
    problems.push(`${prefix}PORT must be a number from 1 to 65535, not another text`);
  }
  return {
    host: read(`${prefix}HOST`),
    port: port === undefined ? undefined : Number(port),
    username: read(`${prefix}USER`),
    password: read(`${prefix}PASSWORD`),
    database: read(`${prefix}DB`),
  };
}

function readUrl(
  url: string,
  family: DatabaseFamily,
): Pick<NodeOptions, 'username' | 'password' | 'database'> {
  if (problemOfUrl(url, family) !== undefined) return {};
  const { username, password, pathname } = new URL(url);
  const [user, secret, name] = [username, password, pathname.slice(1)].map(
    (part) => decoded(part) || undefined,
  );
  return { username: user, password: secret, database: name };
}
