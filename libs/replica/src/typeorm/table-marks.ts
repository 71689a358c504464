import type { ChangeLog } from '../execution/pinned/change-log.js';
import type { Statement } from '../execution/statements/statement.js';
import { parseTableName } from '../routing/table-name.js';
import type { Position } from '../session/position.js';
import { inTime } from '../topology/in-time.js';
import { positionOf } from './cached-position.js';
import { Marks, SOME, UNKNOWN } from './marks.js';
import type { NodePositions } from './node-positions.js';
import { KEPT_MS, type RedisMarks } from './redis-marks.js';
import type { CacheOptions } from './result-cache.js';

/** What precedes the parameters in the text that TypeORM gives to its cache. */
const PARAMETERS = ' -- PARAMETERS: ';

export interface TableMarkOptions {
  readonly positions: NodePositions;
  /** `undefined` while nothing is known of the database. */
  readonly classify: (text: string) => Statement | undefined;
  /** Tells other processes; absent: the cache is not in Redis, so each process knows of its own writes. */
  readonly redis: RedisMarks | undefined;
  /** How long a write or a read may wait for the position of a write; milliseconds. */
  readonly timeoutMs: number;
  /** In which table the cache itself is. */
  readonly ownTable: string | undefined;
}

/** What may forbid to give an answer. */
export interface TableCheck {
  /** Whether no table that the answer rests on is known to have changed since. Never rejects. */
  allows(found: CacheOptions): Promise<boolean>;
}

/**
 * Which tables were changed, and where in the history. A cached answer that may be older than a change of one of its tables is not given
 * to reads of consistency `session`. That only takes answers away: what a session itself wrote and was shown is compared by positions, so
 * a change that nobody noticed (a writer outside, a lost mark) shows others an older answer until it expires, and breaks no promise.
 */
export class TableMarks implements ChangeLog {
  readonly #options: TableMarkOptions;
  readonly #marks = new Marks();
  /** Changes whose position is not known yet, each with its number. Answers that they concern are not given. */
  readonly #owed = new Map<string, number>();
  #changes = 0;

  constructor(options: TableMarkOptions) {
    this.#options = options;
  }

  changed(
    tables: ReadonlySet<string> | undefined,
    position: Position | undefined,
  ): Promise<void> | undefined {
    const { positions, ownTable, timeoutMs } = this.#options;
    const isOwn = tables?.size === 1 && ownTable !== undefined && tables.has(ownTable);
    if (positions.topology === undefined || isOwn || tables?.size === 0) return undefined;
    const keys = [SOME, ...(tables === undefined ? [UNKNOWN] : Array.from(tables, keyOfTable))];
    if (position !== undefined) return this.#mark(keys, position);
    for (const key of keys) this.#owed.set(key, ++this.#changes);
    return inTime(this.#settle(), timeoutMs, () => undefined);
  }

  /** What concerns an answer to this text of TypeORM's; `undefined`: nothing can. Call it before the cache is asked. */
  check(query: string | undefined): TableCheck | undefined {
    const { positions, redis } = this.#options;
    if (positions.topology === undefined) return undefined;
    const keys = this.#keysOf(query ?? '');
    const shared = redis?.read(keys);
    return { allows: (found) => this.#allows(found, keys, shared) };
  }

  async #allows(
    found: CacheOptions,
    keys: readonly string[],
    shared: Promise<readonly (Position | undefined)[] | undefined> | undefined,
  ): Promise<boolean> {
    const isOwed = (): boolean => keys.some((key) => this.#owed.has(key));
    if (isOwed()) await inTime(this.#settle(), this.#options.timeoutMs, () => undefined);
    if (isOwed()) return false;
    const position = positionOf(found.result)?.atLeast;
    const isOlderThan = (mark: Position | undefined): boolean =>
      mark !== undefined && (position === undefined || position < mark);
    if (keys.some((key) => isOlderThan(this.#marks.get(key)))) return false;
    if (shared === undefined) return true;
    const marks = await shared;
    return marks !== undefined && Date.now() - Number(found.time) < KEPT_MS && !marks.some(isOlderThan);
  }

  #keysOf(query: string): readonly string[] {
    const end = query.lastIndexOf(PARAMETERS);
    const statement = this.#options.classify(end < 0 ? query : query.slice(0, end));
    if (statement?.tables === undefined) return [SOME];
    const names = [statement.tables, ...(statement.restsOn ?? [])].flat().map(plainName);
    return [UNKNOWN, ...new Set(names.map(keyOfTable))];
  }

  /** Learns a position that covers all changes by now. What it cannot be learned for stays owed, and the next reader tries again. */
  async #settle(): Promise<void> {
    const { positions } = this.#options;
    const owed = [...this.#owed];
    const { topology, history } = positions;
    if (topology === undefined || history === undefined) return;
    const position = await positions.capture(topology.primary.name);
    if (position === undefined || positions.history !== history) return;
    for (const [key, change] of owed) if (this.#owed.get(key) === change) this.#owed.delete(key);
    const keys = owed.map(([key]) => key);
    await this.#mark(keys, position);
  }

  #mark(keys: readonly string[], position: Position): Promise<void> | undefined {
    this.#marks.raise(keys, position);
    return this.#options.redis?.raise(keys, position);
  }
}

function keyOfTable(name: string): string {
  return `table:${name}`;
}

/** Tables of one name in several schemas count as one. */
function plainName(table: string): string {
  return parseTableName(table)?.name ?? table;
}
