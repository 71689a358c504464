import type pg from 'pg';
import type { StatementCall, StreamCall } from '../execution/database.js';

/** A query that submits itself to a connection: a stream or a cursor. */
export interface Submittable {
  submit(connection: unknown): void;
  readonly text?: unknown;
  readonly cursor?: { readonly text?: unknown };
  destroy?(error: unknown): void;
  readonly destroyed?: boolean;
  callback?: (error: unknown, result?: pg.QueryResult) => void;
  handleError?(error: unknown): void;
}

/** The arguments of a `pg` `query()` call, normalized. */
export interface QueryCall extends StatementCall {
  readonly callback?: (error: unknown, result?: pg.QueryResult) => void;
  readonly submittable?: Submittable;
}

/** Parses `(text | config | submittable, values?, callback?)`. Throws a TypeError without a query, as `pg` does. */
export function parseQueryCall(args: readonly unknown[]): QueryCall {
  const [query] = args;
  if (query === undefined || query === null)
    throw new TypeError('Client was passed a null or undefined query');
  if (isSubmittable(query)) return callOfSubmittable(query, args);
  const text = typeof query === 'string' ? query : textOf(query);
  const last = args.findIndex((argument) => typeof argument === 'function');
  if (last >= 0) {
    return { text, args: args.slice(0, last), callback: args[last] as QueryCall['callback'] };
  }
  // Spreading a string would make a property of each letter.
  if (typeof query === 'string') return { text, args };
  const { callback, ...config } = query as { callback?: QueryCall['callback'] };
  return typeof callback === 'function'
    ? { text, args: [config, ...args.slice(1)], callback }
    : { text, args };
}

/** Gives the caller's callback to a submittable that has none, as `pg` does. */
function callOfSubmittable(submittable: Submittable, args: readonly unknown[]): QueryCall {
  const callback = args.find((argument) => typeof argument === 'function') as QueryCall['callback'];
  if (callback !== undefined) submittable.callback ??= callback;
  return { text: textOfSubmittable(submittable), args: [submittable], submittable };
}

/** The SQL that a stream or cursor runs. */
function textOfSubmittable(submittable: Submittable): string {
  const text = submittable.text ?? submittable.cursor?.text;
  return typeof text === 'string' ? text : '';
}

/** A stream or cursor behind the port. */
export class PgStream implements StreamCall {
  readonly submittable: Submittable;
  readonly text: string;

  constructor(submittable: Submittable) {
    this.submittable = submittable;
    this.text = textOfSubmittable(submittable);
  }

  get isDestroyed(): boolean {
    return this.submittable.destroyed === true;
  }

  fail(error: unknown): void {
    if (this.submittable.destroy !== undefined) this.submittable.destroy(error);
    else this.submittable.handleError?.(error);
  }
}

function isSubmittable(query: unknown): query is Submittable {
  return (
    typeof query === 'object' && query !== null && 'submit' in query && typeof query.submit === 'function'
  );
}

function textOf(query: unknown): string {
  return typeof query === 'object' && query !== null && 'text' in query && typeof query.text === 'string'
    ? query.text
    : '';
}

type Query = (
  query: unknown,
  values: unknown,
  callback: (error: unknown, result: pg.QueryResult) => void,
) => void;

/**
 * Passes the arguments of our `query()` on to a `pg` client. It uses a callback, because `pg` would create two promises instead of one.
 * The stack of an error therefore begins at the socket; `leadToCaller` corrects that.
 */
export function queryWith(
  client: pg.ClientBase,
  [query, values]: readonly unknown[],
): Promise<pg.QueryResult> {
  return new Promise((resolve, reject) => {
    const config = typeof query === 'string' ? query : plainCopy(query as Config);
    (client as unknown as { query: Query }).query(config, values, (error, result) => {
      if (error === null || error === undefined) resolve(result);
      else reject(error);
    });
  });
}

type Config = Readonly<Record<string, unknown>>;

/** The keys of a config, as `pg` documents them. An object of the caller's own class may inherit them. */
const CONFIG_KEYS = [
  'text',
  'values',
  'name',
  'rowMode',
  'types',
  'rows',
  'binary',
  'portal',
  'queryMode',
  'query_timeout',
];

/**
 * Copies the caller's config into a plain object. Older versions of `pg` write the callback into the config, and instrumentation of
 * `pg` copies only own properties.
 */
function plainCopy(config: Config): Config {
  const copy: Record<string, unknown> = { ...config };
  if (Object.getPrototypeOf(config) === Object.prototype) return copy;
  for (const key of CONFIG_KEYS) if (!(key in copy) && key in config) copy[key] = config[key];
  return copy;
}
