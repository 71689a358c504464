import type { Position } from '../../session/position.js';
import { domainsOf, type MariadbGtid, parseGtid, parseGtids } from './mariadb-gtid.js';
import type { Claim, ClaimOrder, ReplayedWrites, WriteHistory } from './write-history.js';

/**
 * What a replica of MariaDB has replayed, in one domain.
 *
 * The position of a session is the sequence number of a GTID: one counter, whoever writes.
 */
export class MariadbReplayed implements ReplayedWrites {
  readonly position: Position | undefined;
  /** The last write that it has replayed; `undefined`: none. */
  readonly last: MariadbGtid | undefined;
  /** The last write in its binary log, if it wrote that itself: it was the primary, or somebody wrote on the replica. */
  readonly own: MariadbGtid | undefined;

  /**
   * Only `@@gtid_slave_pos` tells what a reader sees: `@@gtid_binlog_pos` runs ahead of the data. Throws a RangeError for nonsense.
   *
   * @param slavePosition `@@global.gtid_slave_pos`
   * @param binlogPosition `@@global.gtid_binlog_pos`
   * @param server its `@@server_id`
   */
  constructor(slavePosition: string, binlogPosition: string, server: string) {
    const replayed = parseGtids(slavePosition);
    const written = parseGtids(binlogPosition);
    const isTold = domainsOf([...replayed, ...written]).length <= 1;
    this.last = isTold ? replayed[0] : undefined;
    this.own = isTold && written[0]?.server === server ? written[0] : undefined;
    this.position = isTold ? (this.last?.sequence ?? 0n) : undefined;
  }
}

/** Which writes a server of MariaDB has, in one domain: its `@@global.gtid_binlog_state`. */
export class MariadbHistory implements WriteHistory<MariadbHistory, MariadbReplayed> {
  /** The last sequence number of each writer. */
  readonly #last: ReadonlyMap<string, bigint>;
  readonly #domain: number | undefined;

  private constructor(gtids: readonly MariadbGtid[]) {
    this.#last = new Map(gtids.map(({ server, sequence }) => [server, sequence]));
    this.#domain = gtids[0]?.domain;
  }

  /** `undefined`: it has writes of several domains, which have no common order. Throws a RangeError for nonsense. */
  static parse(binlogState: string): MariadbHistory | undefined {
    const gtids = parseGtids(binlogState);
    return domainsOf(gtids).length > 1 ? undefined : new MariadbHistory(gtids);
  }

  hasOthersThan(writer: string): boolean {
    return [...this.#last.keys()].some((server) => server !== writer);
  }

  hasOthersSince(before: MariadbHistory, writer: string): boolean {
    return [...this.#last].some(
      ([server, sequence]) => server !== writer && sequence > (before.#last.get(server) ?? 0n),
    );
  }

  writersBeyond({ last }: MariadbReplayed): readonly string[] {
    return last === undefined || this.#has(last) ? [] : [last.server];
  }

  lacksOwnWritesOf({ own }: MariadbReplayed): boolean {
    return own !== undefined && !this.#has(own);
  }

  /** A former primary has what it wrote itself, and replays nothing until the new one writes. */
  positionOf({ position, last, own }: MariadbReplayed, writer: string): Position | undefined {
    if (last !== undefined && !this.#isOfDomain(last)) return undefined;
    if (position === undefined || own === undefined) return position;
    if (own.server !== writer && !this.#has(own)) return position;
    return own.sequence > position ? own.sequence : position;
  }

  positionOfWrite(gtid: string, writer: string): Position | undefined {
    // The answer of a transaction in several domains names several.
    if (gtid === '' || gtid.includes(',')) return undefined;
    const write = parseGtid(gtid);
    return write.server === writer && this.#isOfDomain(write) ? write.sequence : undefined;
  }

  #has(write: MariadbGtid): boolean {
    return this.#isOfDomain(write) && (this.#last.get(write.server) ?? -1n) >= write.sequence;
  }

  /** Before the first write, the domain is not known. */
  #isOfDomain({ domain }: MariadbGtid): boolean {
    return this.#domain === undefined || this.#domain === domain;
  }

  /** Whether the writer has written anything after this sequence number. */
  #hasBeyond(sequence: bigint, writer: string): boolean {
    return (this.#last.get(writer) ?? -1n) > sequence;
  }

  /** The last write that both have. */
  #lastCommon(other: MariadbHistory): { readonly server: string; readonly sequence: bigint } | undefined {
    let common: { server: string; sequence: bigint } | undefined;
    for (const [server, sequence] of this.#last) {
      const theirs = other.#last.get(server);
      if (theirs === undefined) continue;
      const shared = theirs < sequence ? theirs : sequence;
      if (common === undefined || shared > common.sequence) common = { server, sequence: shared };
    }
    return common;
  }

  /**
   * Whoever wrote the last common write was the primary then. If the other server has written since, it took over later. If a third
   * server wrote it, one that has written since is ahead of one that has not.
   */
  orderOf(writer: string, other: Claim<MariadbHistory>): ClaimOrder {
    const common = this.#lastCommon(other.history);
    if (common === undefined || writer === other.writer) return undefined;
    const hasWritten = this.#hasBeyond(common.sequence, writer);
    const hasOtherWritten = other.history.#hasBeyond(common.sequence, other.writer);
    if (common.server === writer) return hasOtherWritten ? 'older' : undefined;
    if (common.server === other.writer) return hasWritten ? 'newer' : undefined;
    if (hasWritten === hasOtherWritten) return undefined;
    return hasWritten ? 'ahead' : 'older';
  }
}
