import type { DatabaseType } from '../options/database-type.js';
import { kindOfFailure } from '../errors/safe-message.error.js';
import type { OptionsOfAnyType } from '../options/typeorm-options.js';
import { replicaOptionsFromEnv } from '../options/options-from-env.js';
import type { ResolvedNode } from '../options/resolve-nodes.js';
import { resolveOptions, type ResolvedOptions } from '../options/resolve-options.js';
import { familyOf } from '../options/database-type.js';
import { OperatorLog } from '../engine/operator-log.js';
import { resolveFound } from '../engine/resolve-replicas.js';
import type { Database } from '../execution/database.js';
import { inTime } from '../topology/in-time.js';
import { kindOf } from '../typeorm/kind-of.js';
import { TypeOrmLog } from '../typeorm/typeorm-log.js';
import { CommandError } from './command.error.js';
import { optionsOfFile } from './data-source-file.js';
import { learnSecrets } from './discreet-text.js';
import type { Terminal } from './terminal.js';

/** The options of the command line that say where the nodes are. */
export interface SourceOptions {
  readonly dataSource?: string;
  readonly primary?: string;
  readonly replica?: readonly string[];
}

/** The nodes of a command, and the database behind them. */
export interface Source {
  readonly options: ResolvedOptions<never>;
  readonly database: Database;
  readonly primary: ResolvedNode;
  readonly replicas: readonly ResolvedNode[];
}

/** How long a discovery may take; milliseconds. */
const DISCOVERY_MS = 10_000;

/** Finds the nodes: `--primary` and `--replica`, else the file of `--data-source`, else the environment. */
export async function openSource(given: SourceOptions, { env, cwd }: Terminal): Promise<Source> {
  const found = await findOptions(given, { env, cwd });
  learnSecrets(found);
  const options = resolveOptions(found);
  const silent = { typeorm: new TypeOrmLog(), operator: new OperatorLog() };
  const { database } = kindOf(options.type).open(found, silent);
  const replicas = await discovered(options, database);
  return { options, database, primary: options.primary, replicas };
}

async function findOptions(
  { dataSource, primary, replica = [] }: SourceOptions,
  { env, cwd }: Pick<Terminal, 'env' | 'cwd'>,
): Promise<OptionsOfAnyType<never>> {
  if (primary !== undefined && dataSource !== undefined)
    throw new CommandError('--primary and --data-source both say where the nodes are: give one of them');
  if (primary === undefined && replica.length > 0)
    throw new CommandError('--replica needs --primary beside it, because lag is measured from there');
  if (primary !== undefined) {
    const replicas = replica.map((url) => ({ url }));
    return { type: typeOfUrl(primary), primary: { url: primary }, replicas };
  }
  if (dataSource !== undefined) return optionsOfFile(dataSource, cwd);
  if (!env['DATABASE_URL']?.trim() && !env['POSTGRES_HOST']?.trim())
    throw new CommandError(
      'where are the nodes? Set DATABASE_URL (and DATABASE_READ_REPLICA_URL), or give --primary URL --replica URL, or -d data-source.js',
    );
  return replicaOptionsFromEnv(env);
}

/** The type of database that a URL is for. One that is for none counts as PostgreSQL, whose check then says what is wrong. */
export function typeOfUrl(url: string | undefined): DatabaseType {
  const [, type] = /^(mysql|mariadb):/i.exec(url ?? '') ?? [];
  return (type?.toLowerCase() as DatabaseType | undefined) ?? 'postgres';
}

async function discovered(
  { discovery, type, primary, replicas, pool }: ResolvedOptions<never>,
  database: Database,
): Promise<readonly ResolvedNode[]> {
  if (discovery === undefined) return replicas;
  try {
    const found = await inTime(discovery.find(), DISCOVERY_MS, () => {
      throw new CommandError(`no answer within ${DISCOVERY_MS / 1_000} s`);
    });
    return resolveFound(found.replicas, {
      database,
      family: familyOf(type),
      primary,
      replicas: [],
      levels: pool,
    });
  } catch (error) {
    const why = error instanceof CommandError ? error.message : kindOfFailure(error);
    throw new CommandError(`the option discovery found no replicas: ${why}`);
  }
}
