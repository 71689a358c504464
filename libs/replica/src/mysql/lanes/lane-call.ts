import type { LaneCall } from '../../execution/database.js';

/** A read in the form that a lane takes. It is also a valid argument of `connection.query()`. */
export interface MysqlLaneCall extends LaneCall {
  readonly sql: string;
  /** Named placeholders take their values from an object. */
  readonly values: unknown;
}

/** Normalizes the arguments of a `query()` call without its callback; `undefined` if they ask for more than a lane can do. */
export function laneCallOf(args: readonly unknown[]): MysqlLaneCall | undefined {
  const [query, values] = args;
  if (args.length > 2) return undefined;
  if (typeof query === 'string') return { text: query, sql: query, values };
  if (typeof query !== 'object' || query === null) return undefined;
  // An object of another class may have getters, or control how it is sent.
  if (Object.getPrototypeOf(query) !== Object.prototype) return undefined;
  const { sql, values: own, ...others } = query as { sql?: unknown; values?: unknown };
  if (typeof sql !== 'string' || Object.values(others).some((value) => value !== undefined)) return undefined;
  return { text: sql, sql, values: values ?? own };
}
