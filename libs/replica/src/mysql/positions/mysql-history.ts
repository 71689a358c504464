import type { Position } from '../../session/position.js';
import { GtidSet } from './gtid-set.js';
import { TaggedSamples } from './tagged-samples.js';
import type { Claim, ClaimOrder, ReplayedWrites, WriteHistory } from './write-history.js';

/** What a replica of MySQL has replayed: its `@@global.gtid_executed`. Only beside the primary's does it tell a position. */
export class MysqlReplayed implements ReplayedWrites {
  readonly position = undefined;
  readonly executed: GtidSet;

  /** Throws a RangeError for nonsense. */
  constructor(executed: string) {
    this.executed = GtidSet.parse(executed);
  }
}

/**
 * Which writes a server of MySQL has: a GTID set.
 *
 * The position of a session is the number of transactions in the primary's history. All processes of an application find the same number,
 * and it goes on upwards after a promotion.
 */
export class MysqlHistory implements WriteHistory<MysqlHistory, MysqlReplayed> {
  readonly executed: GtidSet;
  /** `undefined`: its numbers alone tell the order of its writes. */
  #samples: TaggedSamples | undefined;

  private constructor(executed: GtidSet) {
    this.executed = executed;
  }

  /**
   * Throws a RangeError for nonsense. A reader may see a transaction before it is in `gtid_executed`. Until then it is in `gtid_owned`, so
   * ask for that first.
   *
   * @param executed `@@global.gtid_executed`
   * @param owned `@@global.gtid_owned`, read before
   */
  static parse(executed: string, owned = ''): MysqlHistory {
    return new MysqlHistory(GtidSet.parse(executed, owned));
  }

  /** Follows what the same writer had `before`; `undefined`: it was not asked before. */
  goesOnFrom(before: MysqlHistory | undefined, writer: string): this {
    if (!this.executed.hasTags(writer)) return this;
    const isFirstTag = before?.executed.hasTags(writer) === false;
    const samples = before === undefined ? undefined : before.#samples;
    this.#samples = samples ?? new TaggedSamples(isFirstTag);
    this.#samples.add(this.executed);
    return this;
  }

  /** The position of a primary with this history: it covers all that a reader can have seen there. */
  get position(): Position {
    return this.executed.size;
  }

  hasOthersThan(writer: string): boolean {
    return this.executed.writers.some((other) => other !== writer);
  }

  hasOthersSince(before: MysqlHistory, writer: string): boolean {
    return this.executed.writers.some(
      (other) => other !== writer && this.executed.missingIn(before.executed, other) > 0n,
    );
  }

  writersBeyond({ executed }: MysqlReplayed): readonly string[] {
    return executed.writers.filter((writer) => executed.missingIn(this.executed, writer) > 0n);
  }

  lacksOwnWritesOf({ executed }: MysqlReplayed, writer: string): boolean {
    return executed.missingIn(this.executed, writer) > 0n;
  }

  /**
   * All transactions of others, and those of the writer up to the replica's first gap: it may commit them in another order
   * (`replica_preserve_commit_order=OFF`). If the writer uses tags, what the primary had when it was asked counts instead. `undefined`: the
   * replica lacks a transaction of others.
   */
  positionOf({ executed }: MysqlReplayed, writer: string): Position | undefined {
    const others = this.executed.writers.filter((other) => other !== writer);
    if (others.some((other) => this.executed.missingIn(executed, other) > 0n)) return undefined;
    if (this.executed.hasTags(writer)) return this.#samples?.positionOf(executed) ?? 0n;
    return this.#sizeWithout(writer) + gapless(this.executed.of(writer), executed.of(writer));
  }

  /**
   * All transactions of others, and those of the writer up to this one. This history may be older or newer than the write. `undefined`
   * also if the writer uses tags: then only the primary can tell.
   */
  positionOfWrite(gtid: string, writer: string): Position | undefined {
    if (this.executed.hasTags(writer)) return undefined;
    const at = gtid.lastIndexOf(':');
    const number = gtid.slice(at + 1);
    if (gtid.slice(0, at).toLowerCase() !== writer || !/^\d{1,19}$/.test(number)) return undefined;
    const last = BigInt(number);
    const own = this.executed.of(writer);
    let position = this.executed.size;
    // Nearly always the primary was asked before, and gives numbers out without a gap. So this begins at the end.
    for (let index = own.length - 1; index >= 0; index--) {
      const [from, to] = own[index]!;
      if (last > to) {
        // A gap in the primary's own writes: it commits them in another order (`binlog_order_commits=OFF`).
        return index === own.length - 1 ? position + last - to : undefined;
      }
      if (last >= from) return position - (to - last);
      position -= to - from + 1n;
    }
    return own.length === 0 ? position + last : undefined;
  }

  #sizeWithout(writer: string): bigint {
    return this.executed.size - this.executed.sizeOf(writer);
  }

  /**
   * Sets are without an order. But if one server has writes of the other, and the other has none of its, the one took over later.
   * After the second failover nothing can be told.
   */
  orderOf(writer: string, other: Claim<MysqlHistory>): ClaimOrder {
    const own = { writer, history: this };
    if (hasTakenOver(own, other)) return 'newer';
    return hasTakenOver(other, own) ? 'older' : undefined;
  }
}

function hasTakenOver(later: Claim<MysqlHistory>, earlier: Claim<MysqlHistory>): boolean {
  return (
    later.writer !== earlier.writer &&
    later.history.executed.sizeOf(earlier.writer) > 0n &&
    later.history.executed.sizeOf(later.writer) > 0n &&
    earlier.history.executed.sizeOf(later.writer) === 0n
  );
}

type Intervals = ReturnType<GtidSet['of']>;

/** How many of the primary's transactions a replica has up to its first gap, with those that it got after the primary was asked. */
function gapless(primary: Intervals, replica: Intervals): bigint {
  let count = 0n;
  let beyond = 1n;
  let at = 0;
  /** The end of the replica's interval that holds this number; numbers come in order. */
  const endOf = (number: bigint): bigint | undefined => {
    while (at < replica.length && replica[at]![1] < number) at++;
    const [start, end] = replica[at] ?? [];
    return start !== undefined && start <= number ? end : undefined;
  };
  for (const [from, to] of primary) {
    const end = endOf(from);
    if (end === undefined) return count;
    if (end < to) return count + end - from + 1n;
    count += to - from + 1n;
    beyond = to + 1n;
  }
  const end = endOf(beyond);
  return end === undefined ? count : count + end - beyond + 1n;
}
