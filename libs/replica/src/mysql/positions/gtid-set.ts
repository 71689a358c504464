/** Consecutive transaction numbers, both ends included. */
type Interval = readonly [from: bigint, to: bigint];

const SOURCE = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/;
const TAG = /^[a-z_][a-z\d_]{0,31}$/;
/** `@@gtid_owned` adds the threads that are committing the transaction. */
const INTERVAL = /^(\d{1,19})(?:\s*-\s*(\d{1,19}))?(?:#\d+)*$/;
/** How much of a text an error repeats. */
const QUOTED_CHARACTERS = 100;

/**
 * A set of transactions of MySQL, as in `@@gtid_executed`: `uuid:1-5:7,uuid:tag:1-3`. Immutable. A source is a uuid in lower case, from
 * MySQL 8.3 on also with a tag behind a colon. https://dev.mysql.com/doc/refman/8.4/en/replication-gtids-concepts.html
 */
export class GtidSet {
  /** The intervals of each source, in order; they neither overlap nor touch. */
  readonly #intervals: ReadonlyMap<string, readonly Interval[]>;
  readonly #sizes: ReadonlyMap<string, bigint>;
  /** The number of transactions in all. */
  readonly size: bigint;

  private constructor(intervals: ReadonlyMap<string, readonly Interval[]>) {
    this.#intervals = intervals;
    this.#sizes = new Map(Array.from(intervals, ([source, those]) => [source, sizeOf(those)]));
    this.size = [...this.#sizes.values()].reduce((sum, size) => sum + size, 0n);
  }

  /** Throws a RangeError for anything else than a list of sets. Also takes `@@gtid_owned`. */
  static parse(...texts: readonly string[]): GtidSet {
    const found = new Map<string, Interval[]>();
    for (const text of texts) for (const part of text.split(',')) readPart(part, found);
    const merged = new Map<string, readonly Interval[]>();
    for (const [source, intervals] of found) merged.set(source, merge(intervals));
    return new GtidSet(merged);
  }

  get sources(): readonly string[] {
    return [...this.#intervals.keys()];
  }

  /** The number of transactions of one source. */
  sizeOf(source: string): bigint {
    return this.#sizes.get(source) ?? 0n;
  }

  of(source: string): readonly Interval[] {
    return this.#intervals.get(source) ?? [];
  }

  /** How many transactions of the source are in this set and not in the other one. */
  missingIn(other: GtidSet, source: string): bigint {
    const theirs = other.of(source);
    let missing = this.sizeOf(source);
    let at = 0;
    for (const [from, to] of this.of(source)) {
      while (at < theirs.length && theirs[at]![1] < from) at += 1;
      for (let next = at; next < theirs.length && theirs[next]![0] <= to; next += 1) {
        const [otherFrom, otherTo] = theirs[next]!;
        missing -= (otherTo < to ? otherTo : to) - (otherFrom > from ? otherFrom : from) + 1n;
      }
    }
    return missing;
  }
}

function sizeOf(intervals: readonly Interval[]): bigint {
  return intervals.reduce((size, [from, to]) => size + to - from + 1n, 0n);
}

function readPart(part: string, found: Map<string, Interval[]>): void {
  const [uuid = '', ...rest] = part
    .toLowerCase()
    .split(':')
    .map((piece) => piece.trim());
  if (uuid === '' && rest.length === 0) return;
  if (!SOURCE.test(uuid) || rest.length === 0) throw notASet(part);
  let source = uuid;
  for (const piece of rest) {
    const match = INTERVAL.exec(piece);
    if (match === null) {
      if (!TAG.test(piece)) throw notASet(part);
      source = `${uuid}:${piece}`;
      continue;
    }
    const from = BigInt(match[1]!);
    const to = BigInt(match[2] ?? match[1]!);
    if (from < 1n || to < from) throw notASet(part);
    const intervals = found.get(source) ?? [];
    intervals.push([from, to]);
    found.set(source, intervals);
  }
}

function notASet(part: string): RangeError {
  return new RangeError(`not a GTID set of MySQL: ${JSON.stringify(part.slice(0, QUOTED_CHARACTERS))}`);
}

function merge(intervals: readonly Interval[]): readonly Interval[] {
  const merged: [bigint, bigint][] = [];
  for (const [from, to] of intervals.toSorted(([a], [b]) => (a < b ? -1 : Number(a > b)))) {
    const last = merged.at(-1);
    if (last === undefined || from > last[1] + 1n) merged.push([from, to]);
    else if (to > last[1]) last[1] = to;
  }
  return merged;
}
