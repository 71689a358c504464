import pg from 'pg';
import type { LaneCall } from './lane-call.js';

type Told = (error: unknown, result: pg.QueryResult) => void;

/** As it is, beside what its types say. */
type QueryClass = new (query: unknown, values: unknown, told: Told) => { name: string | undefined };

/** A query as `pg` makes one of a config, which it would copy first: that takes longer than all the rest. */
export function laneQuery(call: LaneCall, name: string | undefined, told: Told): object {
  const { text, values, rowMode, types } = call;
  const Query = pg.Query as unknown as QueryClass;
  const isPlain = rowMode === undefined && types === undefined;
  const query = new Query(isPlain ? text : { text, rowMode, types }, values, told);
  query.name = name;
  return query;
}
