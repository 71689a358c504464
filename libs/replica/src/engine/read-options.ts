import {
  checked,
  checkObject,
  duration,
  flag,
  oneOf,
  unchecked,
  type OptionTable,
  type TableOf,
  text,
} from '../options/option.js';
import { OptionProblems } from '../options/option-problems.js';
import { ROUTING } from '../options/option-table.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { filtersOf, type ReplicaSelection } from '../routing/replica-filter.js';
import type { Consistency, OnBehind } from '../routing/route.js';
import type { Intent } from '../routing/route-query.js';
import { checkSelection } from './check-selection.js';

/**
 * Options of reads, for `@UseReplica()`, `runOnReplica()` and `readOnlyTransaction()`: how fresh the data must be,
 * and which replicas may answer.
 */
export interface ReadOptions extends ReplicaSelection {
  /** Default: the module's `defaultConsistency`. */
  readonly consistency?: Consistency;
  /** For `bounded`: how old an answer may be, in milliseconds, from 1. Default: the module's `maxStalenessMs`. */
  readonly maxStalenessMs?: number;
  /**
   * For `session`: read from the primary or wait while no replica has replayed enough. Default: the module's
   * `onBehind`.
   */
  readonly onBehind?: OnBehind;
  /** For `onBehind: 'wait'`; milliseconds, from 1. Default: the module's `catchUpTimeoutMs`. */
  readonly catchUpTimeoutMs?: number;
  /** `true`: a write is a `WritePreventedError`, before it is sent. Default `false`. */
  readonly preventWrites?: boolean;
}

/**
 * What is not given is as the module's options say, which are checked alike.
 * @internal
 */
const READ_OPTIONS = {
  consistency: ROUTING.defaultConsistency,
  maxStalenessMs: ROUTING.maxStalenessMs,
  onBehind: ROUTING.onBehind,
  catchUpTimeoutMs: ROUTING.catchUpTimeoutMs,
  preventWrites: flag({ default: false }),
  // Checked by `checkSelection()`.
  replica: unchecked('text, list'),
  tags: unchecked('object, list'),
  region: unchecked('text, list'),
} satisfies TableOf<ReadOptions>;

/** Throws an `InvalidReplicaOptionsError` that lists all mistakes; `where` names the place, e.g. `@UseReplica()`. */
export function checkReadOptions(options: ReadOptions, where: string): void {
  readProblems(options, READ_OPTIONS).throwIfAny(`${where}: `);
}

/**
 * The mistakes in the options of a read; `table` may have more options than a read has.
 * @internal
 */
function readProblems(options: ReadOptions, table: OptionTable): OptionProblems {
  const problems = new OptionProblems();
  if (!checkObject(problems, '', options, table)) return problems;
  const { maxStalenessMs, consistency = 'bounded' } = options;
  checkSelection(problems, options);
  if (maxStalenessMs !== undefined && consistency !== 'bounded')
    problems.add('maxStalenessMs', `belongs to consistency 'bounded' and means nothing with another one`);
  return problems;
}

/** Whose statement `router.explain()` explains. With nothing given: one of the request around the call, else of a `GET` without a session. */
export interface ExplainOptions extends Omit<ReadOptions, 'preventWrites'> {
  /**
   * The HTTP method; `null`: outside any request. Reads of a method that may write (not GET, HEAD, OPTIONS) stay on the primary. Default
   * `'GET'`.
   */
  readonly method?: string | null;
  /** The key of the client's session, as `session.key` gives it. Default: the client has none. */
  readonly session?: string;
  /**
   * In place of `session`: the token that the client carries (`cookieToken()`, `headerToken()`), or one of `currentToken()`. Default: the
   * client has none.
   */
  readonly token?: string;
  /**
   * `replica`: as under `@UseReplica()`. `primary`: as under `@ForcePrimary()`. Default: `replica` beside `replica`, `tags` and `region`, else
   * as without a decorator.
   */
  readonly target?: 'default' | 'primary' | 'replica';
}

const { preventWrites: _, ...EXPLAINED_READ } = READ_OPTIONS;

const EXPLAIN_OPTIONS = {
  ...EXPLAINED_READ,
  method: checked<string | null>('text', (problems, path, method) => {
    if (method !== null) problems.text(path, method);
  }),
  // A key is checked as the keys of requests are.
  session: unchecked('text'),
  token: text({}),
  target: oneOf(['default', 'primary', 'replica'], { default: 'default' }),
} satisfies TableOf<ExplainOptions>;

/** Throws an `InvalidReplicaOptionsError` that lists all mistakes. `areInTokens`: clients carry their sessions. */
export function checkExplainOptions(options: ExplainOptions, areInTokens: boolean): void {
  const problems = readProblems(options, EXPLAIN_OPTIONS);
  const { method, session, token } = { ...options };
  for (const [path, given] of Object.entries({ session, token }))
    if (method === null && given !== undefined)
      problems.add(path, 'belongs to a request, and method null means outside any request');
  if (session !== undefined && token !== undefined)
    problems.add('token', 'takes the place of session: give one of them');
  if (areInTokens && session !== undefined)
    problems.add(
      'session',
      'means nothing: clients carry their sessions in tokens, and nothing is kept under keys. Give such a token as token',
    );
  problems.throwIfAny('explain(): ');
}

/** What work with a token does while no replica has what the token covers. */
export const ON_LAG = ['primary', 'wait', 'retry'] as const;
export type OnLag = (typeof ON_LAG)[number];

/** Options of `runWithToken()` and `@WithToken()`. */
export interface TokenOptions extends ReadOptions {
  /**
   * What happens while no replica has everything the token covers. `primary`: the work begins at once and reads from
   * the primary. `wait`: the work begins after up to `timeoutMs`, as soon as a replica is ready. `retry`: after that
   * time the work fails with a `ReplicaBehindError` before it has done anything, so that a queue can retry it.
   * Default `primary`.
   */
  readonly onLag?: OnLag;
  /** For `wait` and `retry`; milliseconds, from 1. Default: the module's `catchUpTimeoutMs`. */
  readonly timeoutMs?: number;
}

const TOKEN_OPTIONS = {
  ...READ_OPTIONS,
  onLag: oneOf(ON_LAG, { default: 'primary' }),
  timeoutMs: duration({ min: 1 }),
} satisfies TableOf<TokenOptions>;

/** Throws an `InvalidReplicaOptionsError` that lists all mistakes; `where` names the place. */
export function checkTokenOptions(options: TokenOptions, where: string): void {
  const problems = readProblems(options, TOKEN_OPTIONS);
  const { onLag = 'primary', timeoutMs } = { ...options };
  if (timeoutMs !== undefined && onLag === 'primary')
    problems.add('timeoutMs', `belongs to onLag 'wait' and 'retry': with 'primary' nothing waits`);
  problems.throwIfAny(`${where}: `);
}

/** The intent behind options that were checked. `maxStalenessMs` alone means `bounded`. */
export function intentOf(
  target: Intent['target'],
  options: ReadOptions,
  defaults: Pick<ResolvedOptions, 'defaultConsistency' | 'maxStalenessMs' | 'onBehind' | 'catchUpTimeoutMs'>,
  safeMethod = true,
): Intent {
  const consistency =
    options.consistency ?? (options.maxStalenessMs === undefined ? defaults.defaultConsistency : 'bounded');
  return {
    target,
    safeMethod,
    consistency,
    selection: filtersOf(options),
    maxStalenessMs:
      consistency === 'bounded' ? (options.maxStalenessMs ?? defaults.maxStalenessMs) : undefined,
    catchUpTimeoutMs:
      (options.onBehind ?? defaults.onBehind) === 'wait'
        ? (options.catchUpTimeoutMs ?? defaults.catchUpTimeoutMs)
        : 0,
    preventWrites: options.preventWrites ?? false,
  };
}
