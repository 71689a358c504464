import { describe, expect, it } from '@jest/globals';
import { MariadbCluster, MysqlCluster, type ReplicationStatus, type ServerReport } from './gtid-cluster.js';

const [U, V] = ['3e11fa47-71ca-11e1-9e33-c80aa9429562', '44363f02-0b5f-11ee-9dc7-0242ac110003'];

/** The answers of servers of MariaDB, whose user may not ask how they replicate unless a test says so. */
class Probes {
  readonly cluster = new MariadbCluster();

  writable(server: string, state: string, status?: ReplicationStatus): Promise<ServerReport> {
    const [last = ''] = state.split(',').slice(-1);
    return this.#read(server, { read_only: 0, binlog_pos: last, binlog_state: state }, status);
  }

  readOnly(
    server: string,
    slavePosition: string,
    more: object = {},
    status?: ReplicationStatus,
  ): Promise<ServerReport> {
    return this.#read(server, { read_only: 1, slave_pos: slavePosition, ...more }, status);
  }

  #read(server: string, row: object, status: ReplicationStatus | undefined): Promise<ServerReport> {
    const defaults = { innodb_read_only: 0, log_bin: 1, slave_pos: '', binlog_pos: '', binlog_state: '' };
    const replication = (): Promise<ReplicationStatus | undefined> => Promise.resolve(status);
    return this.cluster.read({
      server,
      ownAddress: `db-${server}:3306`,
      row: { ...defaults, ...row },
      replication,
    });
  }
}

const receivingFrom = (source: string): ReplicationStatus => ({
  isReplica: true,
  receiver: 'receives: Yes, replays: Yes',
  source,
  sender: '10.0.0.1:3306',
});

describe('the answer of a server of MariaDB', () => {
  it('tells the position of its last write, or of the last one that it has replayed', async () => {
    const probes = new Probes();
    expect(await probes.writable('1', '0-1-14')).toEqual({
      result: { isReadOnly: false, mayBePromoted: false, position: 14n, epoch: 1 },
    });
    expect((await probes.readOnly('2', '0-1-12')).result).toMatchObject({
      isReadOnly: true,
      position: 12n,
      epoch: 1,
    });
  });

  it('counts what a promoted server has replayed before it writes', async () => {
    const probes = new Probes();
    await probes.writable('1', '0-1-14');
    await probes.readOnly('2', '0-1-14', { binlog_pos: '0-1-14' });
    probes.cluster.lost('1');
    const promoted = await probes.cluster.read({
      server: '2',
      ownAddress: 'db-2:3306',
      row: { read_only: 0, log_bin: 1, slave_pos: '0-1-14', binlog_pos: '', binlog_state: '' },
      replication: () => Promise.resolve(undefined),
    });
    expect(promoted.result).toEqual({
      isReadOnly: false,
      mayBePromoted: false,
      position: 14n,
      epoch: 2,
    });
  });

  it.each([
    ['of several domains', { binlog_state: '0-1-14,7-1-2' }, 'GTID domains'],
    ['without a binary log', { log_bin: 0 }, 'binary log is off'],
  ])('tells no position %s, and why', async (_, row, why) => {
    const replication = (): Promise<undefined> => Promise.resolve(undefined);
    const all = { read_only: 0, log_bin: 1, slave_pos: '', binlog_pos: '', binlog_state: '', ...row };
    const { result, untold } = await new Probes().cluster.read({
      server: '1',
      ownAddress: undefined,
      row: all,
      replication,
    });
    expect(result).toEqual({ isReadOnly: false, position: undefined, epoch: undefined });
    expect(untold).toContain(why);
  });

  it('is taken for read-only whatever word the server has for it', async () => {
    for (const value of ['ON', 'NO_LOCK', 1, '1'])
      expect((await new Probes().readOnly('2', '0-1-1', { read_only: value })).result.isReadOnly).toBe(true);
  });
});

describe('a replica of MariaDB', () => {
  it('proves that it follows the primary by what the primary wrote', async () => {
    const probes = new Probes();
    await probes.writable('2', '0-1-14,0-2-17');
    expect((await probes.readOnly('3', '0-2-15')).result.isStreaming).toBe(true);
    expect((await probes.readOnly('3', '0-1-14')).result.isStreaming).toBe(false);
  });

  it('proves it by whom it receives from if the user may ask', async () => {
    const probes = new Probes();
    await probes.writable('2', '0-1-14,0-2-17');
    const ofNew = await probes.readOnly('3', '0-1-14', {}, receivingFrom('2'));
    expect(ofNew.result).toMatchObject({ isStreaming: true, sender: '10.0.0.1:3306' });
    const ofFormer = await probes.readOnly('3', '0-1-14', {}, receivingFrom('1'));
    expect(ofFormer.result.isStreaming).toBe(false);
  });

  it('serves nobody if it has what the primary does not have', async () => {
    const probes = new Probes();
    await probes.writable('1', '0-1-14');
    const errant = await probes.readOnly('3', '0-1-12', { binlog_pos: '0-3-13' });
    expect(errant.result.problem).toContain('somebody has written on it');
    expect((await probes.readOnly('4', '0-9-12')).result.problem).toContain('follows another server');
  });
});

describe('a second server that accepts writes', () => {
  it('takes over beside the primary only if it is no replica any more', async () => {
    const epochOf = async (isReplica: boolean): Promise<number | undefined> => {
      const probes = new Probes();
      await probes.writable('1', '0-1-14');
      const status = { isReplica, receiver: '', source: undefined, sender: undefined };
      return (await probes.writable('2', '0-1-14,0-2-15', status)).result.epoch;
    };
    expect(await epochOf(true)).toBe(1);
    expect(await epochOf(false)).toBe(2);
  });
});

describe('two servers of one name', () => {
  const report = (
    cluster: MariadbCluster,
    ownAddress: string | undefined,
    read_only: number,
  ): Promise<ServerReport> =>
    cluster.read({
      server: '1',
      ownAddress,
      row: { read_only, log_bin: 1, slave_pos: '', binlog_pos: '0-1-14', binlog_state: '0-1-14' },
      replication: () => Promise.resolve(undefined),
    });

  it('are told apart by their addresses: the one that accepts writes keeps the name, and the other serves nobody', async () => {
    const cluster = new MariadbCluster();
    expect((await report(cluster, 'a:3306', 0)).untold).toBeUndefined();
    const second = await report(cluster, 'b:3306', 1);
    expect(second.untold).toMatch(
      /the same name \(server_id, server_uuid: 1\) as the server at a:3306: .* its own/,
    );
    expect(second.result).toEqual({ isReadOnly: true, position: undefined, epoch: undefined });
    expect((await report(cluster, 'a:3306', 0)).result).toMatchObject({ position: 14n, epoch: 1 });
    expect((await report(cluster, 'b:3306', 0)).untold).toContain('the same name');
  });

  it('are told apart although the replica is seen first', async () => {
    const cluster = new MariadbCluster();
    await report(cluster, 'b:3306', 1);
    expect((await report(cluster, 'a:3306', 0)).untold).toBeUndefined();
    expect((await report(cluster, 'b:3306', 1)).untold).toContain('the server at a:3306');
  });

  it('are one server that has moved if the first does not answer any more', async () => {
    const cluster = new MariadbCluster();
    await report(cluster, 'a:3306', 0);
    cluster.lost('1');
    expect((await report(cluster, 'b:3306', 0)).untold).toBeUndefined();
  });
});

describe('a write', () => {
  it('has a position if the primary has confirmed it', async () => {
    const probes = new Probes();
    expect(probes.cluster.positionOfWrite('0-1-15')).toBeUndefined();
    await probes.writable('1', '0-1-14');
    expect(probes.cluster.positionOfWrite('0-1-15')).toBe(15n);
    expect(probes.cluster.positionOfWrite('0-2-15')).toBeUndefined();
  });
});

describe('the answer of a server of MySQL', () => {
  const row = { innodb_read_only: 0, gtid_mode: 'ON', owned: '', executed: '' };
  const read = (cluster: MysqlCluster, server: string, more: object): Promise<ServerReport> =>
    cluster.read({
      server,
      ownAddress: undefined,
      row: { ...row, ...more },
      replication: () => Promise.resolve(undefined),
    });

  it('covers what is being committed on the primary, and counts on a replica beside it', async () => {
    const cluster = new MysqlCluster();
    const primary = await read(cluster, U, { read_only: 0, executed: `${U}:1-100`, owned: `${U}:101#42` });
    expect(primary.result.position).toBe(101n);
    const replica = await read(cluster, V, { read_only: 1, executed: `${U}:1-97` });
    expect(replica.result).toMatchObject({ isReadOnly: true, position: 97n, isStreaming: true });
    expect(cluster.positionOfWrite(`${U}:103`)).toBe(103n);
  });

  it('tells positions although the primary uses tags, by what it had when it was asked', async () => {
    const cluster = new MysqlCluster();
    const ask = async (): Promise<(bigint | undefined)[]> => [
      (await read(cluster, U, { read_only: 0, executed: `${U}:1-100:audit:1-7`, owned: `${U}:audit:8#42` }))
        .result.position,
      (await read(cluster, V, { read_only: 1, executed: `${U}:1-100:audit:1-7` })).result.position,
      (await read(cluster, V, { read_only: 1, executed: `${U}:1-101:audit:1-8` })).result.position,
    ];
    const epochs = new Set<number | undefined>();
    for (let times = 0; times < 2; times++) {
      expect(await ask()).toEqual([108n, 0n, 108n]);
      epochs.add((await read(cluster, V, { read_only: 1, executed: `${U}:1-101:audit:1-9` })).result.epoch);
    }
    expect([...epochs]).toEqual([1]);
    expect(cluster.positionOfWrite(`${U}:audit:9`)).toBeUndefined();
  });

  it('tells no position without GTIDs', async () => {
    const { untold } = await read(new MysqlCluster(), U, { read_only: 0, gtid_mode: 'OFF' });
    expect(untold).toContain('gtid_mode is not ON');
  });
});
