import type { LaneCall } from '../../execution/database.js';

/** What a lane takes of a call. Also a config of `pg`'s: the same read on a connection of its own. */
export interface PgLaneCall extends LaneCall {
  readonly values: readonly unknown[] | undefined;
  readonly rowMode: unknown;
  readonly types: unknown;
}

const KEYS = new Set(['text', 'values', 'rowMode', 'types']);

/** The arguments of a call of `query`, without a callback, in one form; `undefined` where they ask for more. */
export function laneCallOf(args: readonly unknown[]): PgLaneCall | undefined {
  const [query, values] = args;
  if (args.length > 2 || !areValues(values)) return undefined;
  if (typeof query === 'string') return { text: query, values, rowMode: undefined, types: undefined };
  if (typeof query !== 'object' || query === null) return undefined;
  // A class of somebody's own may have getters, or a say in how it is sent.
  if (Object.getPrototypeOf(query) !== Object.prototype) return undefined;
  const config = query as Record<string, unknown>;
  for (const key of Object.keys(config)) if (!KEYS.has(key) && config[key] !== undefined) return undefined;
  const { text, values: own, rowMode, types } = config;
  if (typeof text !== 'string' || !areValues(own)) return undefined;
  return { text, values: values ?? own, rowMode, types };
}

function areValues(values: unknown): values is readonly unknown[] | undefined {
  return values === undefined || values === null || Array.isArray(values);
}
