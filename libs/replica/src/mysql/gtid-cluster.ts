import type { Position } from '../session/position.js';
import type { ProbeResult } from '../topology/node-probe.js';
import { MariadbHistory, MariadbReplayed } from './positions/mariadb-history.js';
import { parseGtids } from './positions/mariadb-gtid.js';
import { MysqlHistory, MysqlReplayed } from './positions/mysql-history.js';
import { TermBook, type FollowerStanding } from './positions/term-book.js';
import type { WriteHistory, ReplayedWrites } from './positions/write-history.js';

/** What a server says about its replication; `undefined`: the user may not know. */
export interface ReplicationStatus {
  /** Whether it is set up to follow another server. */
  readonly isReplica: boolean;
  /** The states of the threads that receive and replay, for people. */
  readonly receiver: string;
  /** The server that it receives from now, as GTIDs call it; `undefined`: none. */
  readonly source: string | undefined;
  /** `host:port` of that server. */
  readonly sender: string | undefined;
}

/** What a server says of itself. */
export interface ServerAnswer {
  /** The name under which the server stands in GTIDs. */
  readonly server: string;
  /** `host:port`, as the server knows it; `undefined`: it does not. */
  readonly ownAddress: string | undefined;
  readonly row: Readonly<Record<string, unknown>>;
  /** Asks how it replicates. */
  readonly replication: () => Promise<ReplicationStatus | undefined>;
}

/** What a server's answer means. */
export interface ServerReport {
  readonly result: ProbeResult;
  /** Why the server tells no position, with what to do about it. A probe of the user's own makes up for that. */
  readonly untold?: string;
}

/** What is known of the writes of all servers of a cluster. The probes of all nodes share it. */
export interface GtidCluster {
  /** Gives one row: what {@link GtidCluster.read} needs to know of a server. Needs no privilege. */
  readonly probeSql: string;
  /** What a server's row means. Throws if it makes no sense. */
  read(answer: ServerAnswer): Promise<ServerReport>;
  /** Gives one row: `outcome`, 0 once the server has replayed the position. `undefined`: these servers cannot wait for a number. */
  waitSql(position: Position, timeoutMs: number): string | undefined;
  /** A server does not answer any more. */
  lost(server: string): void;
  /** The position of a write that the primary has confirmed; `undefined`: somebody else wrote it. */
  positionOfWrite(gtid: string): Position | undefined;
}

/** What a system variable tells that is on or off. With some settings of the server, or some versions, it is a word. */
export type SwitchValue = number | string | null | undefined;

const OFF: readonly SwitchValue[] = [0, '0', 'OFF', '', null, undefined];

export function isOn(value: SwitchValue): boolean {
  return !OFF.includes(value);
}

const NO_BINLOG =
  'it tells no positions, because its binary log is off (log_bin, log_slave_updates): ' +
  "turn it on, or choose sticky: { mode: 'time' } and a probe of your own (monitor.probe)";
const SEVERAL_DOMAINS =
  'it writes in several GTID domains (gtid_domain_id), whose writes have no common order: ' +
  "use one, or choose sticky: { mode: 'time' } and a probe of your own (monitor.probe)";
const NO_GTIDS =
  'it tells no positions, because its gtid_mode is not ON: ' +
  "turn it on, or choose sticky: { mode: 'time' } and a probe of your own (monitor.probe)";
const ERRANT_WRITES =
  'somebody has written on it although it is a replica: it has transactions that the primary does not have, and has to be built anew';
const OTHER_HISTORY =
  'it has transactions that the primary does not have: it follows another server, or has to be built anew';

const sameName = (server: string, address: string | undefined): string =>
  `it goes by the same name (server_id, server_uuid: ${server}) as the server at ${address ?? 'another address'}: ` +
  'nobody can tell the writes of the two apart, so give each a name of its own';

function untold(isReadOnly: boolean, why: string): ServerReport {
  return { result: { isReadOnly, position: undefined, epoch: undefined }, untold: why };
}

/** What both flavors do alike. */
abstract class Cluster<R extends ReplayedWrites, H extends WriteHistory<H, R>> implements GtidCluster {
  abstract readonly probeSql: string;
  protected readonly book = new TermBook<R, H>();
  /** Where each server was last seen, by its name in GTIDs. A data folder that was copied brings the name along. */
  readonly #seen = new Map<string, { readonly at: string | undefined; readonly isWritable: boolean }>();

  read(answer: ServerAnswer): Promise<ServerReport> {
    const { server, ownAddress: at, row } = answer;
    const isReadOnly = isOn(row['read_only'] as SwitchValue) || isOn(row['innodb_read_only'] as SwitchValue);
    const other = this.#seen.get(server);
    if (other !== undefined && other.at !== at && (isReadOnly || other.isWritable))
      return Promise.resolve(untold(isReadOnly, sameName(server, other.at)));
    this.#seen.set(server, { at, isWritable: !isReadOnly });
    return this.readAlone(answer, isReadOnly);
  }

  /** The same, of a server that shares its name with no other one. */
  protected abstract readAlone(answer: ServerAnswer, isReadOnly: boolean): Promise<ServerReport>;

  waitSql(_position: Position, _timeoutMs: number): string | undefined {
    return undefined;
  }

  lost(server: string): void {
    this.#seen.delete(server);
    this.book.lost(server);
  }

  positionOfWrite(gtid: string): Position | undefined {
    return this.book.positionOfWrite(gtid);
  }

  /**
   * The answer of a server that accepts writes. A replica may accept them by mistake, and look like a server that was promoted. It
   * is only asked how it replicates if it is not known as the primary.
   */
  protected async readWriter(
    { server, replication }: ServerAnswer,
    history: H,
    position: Position,
  ): Promise<ServerReport> {
    const isKnown = this.book.newest?.writer === server;
    // If nobody may know, it takes over only when the primary has ended.
    const isFollowing = !isKnown && ((await replication())?.isReplica ?? true);
    const epoch = this.book.wrote(server, { writer: server, history, isFollowing });
    const mayBePromoted = this.book.mayHaveTakenOver(server);
    return { result: { isReadOnly: false, position, epoch, mayBePromoted } };
  }

  /** The answer of a server that refuses writes. */
  protected async readFollower(
    { server, replication }: ServerAnswer,
    replayed: R,
    hasReplayedOf: (writer: string) => boolean,
  ): Promise<ServerReport> {
    const { position, epoch, hasErrantWrites }: FollowerStanding = this.book.followed(server, replayed);
    const { newest } = this.book;
    const status = await replication();
    const problem = hasErrantWrites
      ? ERRANT_WRITES
      : position === undefined && newest !== undefined && newest.writer !== server
        ? OTHER_HISTORY
        : undefined;
    const result: ProbeResult = {
      isReadOnly: true,
      position,
      epoch,
      // Who has what the primary wrote has followed it. Who has nothing of it may follow another server.
      isStreaming:
        newest !== undefined &&
        (status?.source === undefined ? hasReplayedOf(newest.writer) : status.source === newest.writer),
      ...(status === undefined ? {} : { receiver: status.receiver, sender: status.sender }),
      ...(problem === undefined ? {} : { problem }),
    };
    return { result };
  }
}

/** The row of a server of MariaDB. */
interface MariadbRow {
  readonly log_bin: SwitchValue;
  readonly slave_pos: string;
  readonly binlog_pos: string;
  readonly binlog_state: string;
}

/** A cluster of MariaDB. https://mariadb.com/docs/server/ha-and-performance/standard-replication/gtid */
export class MariadbCluster extends Cluster<MariadbReplayed, MariadbHistory> {
  /** The domain of all writes. */
  #domain = 0;
  readonly probeSql = `/* nestjs-replica: probe */ SELECT @@global.read_only AS read_only,
  @@global.innodb_read_only AS innodb_read_only, @@global.log_bin AS log_bin, @@global.gtid_slave_pos AS slave_pos,
  @@global.gtid_binlog_pos AS binlog_pos, @@global.gtid_binlog_state AS binlog_state`;

  /** The server compares domain and number. It does not look at the server that wrote. */
  override waitSql(position: Position, timeoutMs: number): string {
    return `/* nestjs-replica: probe */ SELECT MASTER_GTID_WAIT('${this.#domain}-1-${position}', ${timeoutMs / 1_000}) AS outcome`;
  }

  protected override async readAlone(answer: ServerAnswer, isReadOnly: boolean): Promise<ServerReport> {
    const row = answer.row as unknown as MariadbRow;
    if (isReadOnly) {
      const replayed = new MariadbReplayed(row.slave_pos, row.binlog_pos, answer.server);
      if (replayed.position === undefined) return untold(isReadOnly, SEVERAL_DOMAINS);
      return this.readFollower(answer, replayed, (writer) => replayed.last?.server === writer);
    }
    if (!isOn(row.log_bin)) return untold(isReadOnly, NO_BINLOG);
    const history = MariadbHistory.parse(row.binlog_state);
    if (history === undefined) return untold(isReadOnly, SEVERAL_DOMAINS);
    this.#domain = parseGtids(row.binlog_state)[0]?.domain ?? this.#domain;
    // Before its own first write, a promoted server may not have logged what it has replayed.
    const written = [...parseGtids(row.binlog_pos), ...parseGtids(row.slave_pos)].map(
      ({ sequence }) => sequence,
    );
    const position = written.reduce((last, sequence) => (sequence > last ? sequence : last), 0n);
    return this.readWriter(answer, history, position);
  }
}

/** The row of a server of MySQL. */
interface MysqlRow {
  readonly gtid_mode: SwitchValue;
  readonly owned: string;
  readonly executed: string;
}

/**
 * A cluster of MySQL. A transaction that readers may see is in `gtid_owned` until it is in `gtid_executed`, so that is asked first.
 * https://dev.mysql.com/doc/refman/8.4/en/replication-options-gtids.html
 */
export class MysqlCluster extends Cluster<MysqlReplayed, MysqlHistory> {
  readonly probeSql = `/* nestjs-replica: probe */ SELECT @@global.gtid_owned AS owned, @@global.gtid_executed AS executed,
  @@global.read_only AS read_only, @@global.innodb_read_only AS innodb_read_only, @@global.gtid_mode AS gtid_mode`;

  protected override async readAlone(answer: ServerAnswer, isReadOnly: boolean): Promise<ServerReport> {
    const row = answer.row as unknown as MysqlRow;
    if (String(row.gtid_mode).toUpperCase() !== 'ON') return untold(isReadOnly, NO_GTIDS);
    if (!isReadOnly) {
      const { newest } = this.book;
      const before = newest?.writer === answer.server ? newest.history : undefined;
      const history = MysqlHistory.parse(row.executed, row.owned).goesOnFrom(before, answer.server);
      return this.readWriter(answer, history, history.position);
    }
    const replayed = new MysqlReplayed(row.executed);
    return this.readFollower(answer, replayed, (writer) => replayed.executed.sizeOf(writer) > 0n);
  }
}
