/** Consecutive transaction numbers, both ends included. */
type Interval = readonly [from: bigint, to: bigint];

const SOURCE = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/;
const TAG = /^[a-z_][a-z\d_]{0,31}$/;
/** `@@gtid_owned` adds the threads that are committing the transaction. */
const INTERVAL = /^(\d{1,19})(?:\s*-\s*(\d{1,19}))?(?:#\d+)*$/;
/** How much of a text an error repeats. */
const QUOTED_CHARACTERS = 100;

/**
 * A set of transactions of MySQL, as in `@@gtid_executed`: `uuid:1-5:7:tag:1-3`. Immutable. A writer is a uuid in lower case. It numbers
 * its transactions in one or more sources: those without a tag, and from MySQL 8.3 on those of each tag, as `uuid:tag`.
 * https://dev.mysql.com/doc/refman/8.4/en/replication-gtids-concepts.html
 */
export class GtidSet {
  /** The intervals of each source, in order; they neither overlap nor touch. */
  readonly #intervals: ReadonlyMap<string, readonly Interval[]>;
  readonly #sourcesOf = new Map<string, string[]>();
  readonly #sizes = new Map<string, bigint>();
  /** The number of transactions in all. */
  readonly size: bigint;

  private constructor(intervals: ReadonlyMap<string, readonly Interval[]>) {
    this.#intervals = intervals;
    let size = 0n;
    for (const [source, those] of intervals) {
      const writer = writerOf(source);
      const own = sizeOf(those);
      const sources = this.#sourcesOf.get(writer);
      if (sources === undefined) this.#sourcesOf.set(writer, [source]);
      else sources.push(source);
      this.#sizes.set(writer, (this.#sizes.get(writer) ?? 0n) + own);
      size += own;
    }
    this.size = size;
  }

  /** Throws a RangeError for anything else than a list of sets. Also takes `@@gtid_owned`. */
  static parse(...texts: readonly string[]): GtidSet {
    const found = new Map<string, Interval[]>();
    for (const text of texts) for (const part of text.split(',')) readPart(part, found);
    const merged = new Map<string, readonly Interval[]>();
    for (const [source, intervals] of found) merged.set(source, merge(intervals));
    return new GtidSet(merged);
  }

  get writers(): readonly string[] {
    return [...this.#sourcesOf.keys()];
  }

  /** The number of transactions of one writer. */
  sizeOf(writer: string): bigint {
    return this.#sizes.get(writer) ?? 0n;
  }

  /** Whether the writer has transactions with a tag, so that numbers alone do not put its transactions in order. */
  hasTags(writer: string): boolean {
    return this.#sourcesOf.get(writer)?.some((source) => source !== writer) === true;
  }

  /** The transactions of a source: those of a writer without a tag, or with one. */
  of(source: string): readonly Interval[] {
    return this.#intervals.get(source) ?? [];
  }

  /** How many transactions of the writer are in this set and not in the other one. */
  missingIn(other: GtidSet, writer: string): bigint {
    let missing = 0n;
    for (const source of this.#sourcesOf.get(writer) ?? [])
      missing += missingOf(this.of(source), other.of(source));
    return missing;
  }

  /** Whether all of this is in the other set, too. */
  isWithin(other: GtidSet): boolean {
    return this.size <= other.size && this.writers.every((writer) => this.missingIn(other, writer) === 0n);
  }
}

function writerOf(source: string): string {
  const end = source.indexOf(':');
  return end < 0 ? source : source.slice(0, end);
}

function missingOf(intervals: readonly Interval[], others: readonly Interval[]): bigint {
  let missing = sizeOf(intervals);
  let at = 0;
  for (const [from, to] of intervals) {
    while (at < others.length && others[at]![1] < from) at += 1;
    for (let next = at; next < others.length && others[next]![0] <= to; next += 1) {
      const [otherFrom, otherTo] = others[next]!;
      missing -= (otherTo < to ? otherTo : to) - (otherFrom > from ? otherFrom : from) + 1n;
    }
  }
  return missing;
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
  let isTagAlone = false;
  for (const piece of rest) {
    const match = INTERVAL.exec(piece);
    if (match === null) {
      if (isTagAlone || !TAG.test(piece)) throw notASet(part);
      source = `${uuid}:${piece}`;
      isTagAlone = true;
      continue;
    }
    isTagAlone = false;
    const from = BigInt(match[1]!);
    const to = BigInt(match[2] ?? match[1]!);
    if (from < 1n || to < from) throw notASet(part);
    const intervals = found.get(source) ?? [];
    intervals.push([from, to]);
    found.set(source, intervals);
  }
  if (isTagAlone) throw notASet(part);
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
