import { judgeRole, type RoleVerdict } from '../../topology/judge-role.js';
import type { NodeSnapshot } from '../../topology/topology.js';
import { MariadbHistory, MariadbReplayed } from './mariadb-history.js';
import { MysqlHistory, MysqlReplayed } from './mysql-history.js';
import { type FollowerStanding, TermBook } from './term-book.js';

/** A cluster of MariaDB as probes see it. Servers are called by their `server_id`. */
class MariadbProbes {
  readonly book = new TermBook<MariadbReplayed, MariadbHistory>();

  writable(server: string, state: string, isFollowing = false): number {
    const history = MariadbHistory.parse(state)!;
    return this.book.wrote(server, { writer: server, history, isFollowing });
  }

  readOnly(server: string, slavePosition: string, binlogPosition = ''): FollowerStanding {
    return this.book.followed(server, new MariadbReplayed(slavePosition, binlogPosition, server));
  }
}

function probes(): MariadbProbes {
  return new MariadbProbes();
}

describe('the term of a server that accepts writes', () => {
  it('is the first one if it never followed anybody', () => {
    const cluster = probes();
    expect([cluster.writable('1', '0-1-14'), cluster.writable('1', '0-1-20')]).toEqual([1, 1]);
    expect(cluster.book.newest?.writer).toBe('1');
  });

  it('is a later one if it has what others wrote', () => {
    expect(probes().writable('2', '0-1-14,0-2-17')).toBe(2);
  });

  it('is newer than that of the server whose writes it has followed and added to', () => {
    const cluster = probes();
    cluster.writable('1', '0-1-14');
    expect([cluster.writable('2', '0-1-14,0-2-15'), cluster.writable('1', '0-1-16')]).toEqual([2, 1]);
    expect(cluster.book.newest?.writer).toBe('2');
  });

  it('is newer although it is seen first', () => {
    const cluster = probes();
    expect([cluster.writable('2', '0-1-14,0-2-15'), cluster.writable('1', '0-1-16')]).toEqual([2, 1]);
    expect(cluster.writable('2', '0-1-14,0-2-16')).toBe(2);
  });

  it('is newer before it has written if it followed, and the primary became read-only', () => {
    const cluster = probes();
    cluster.writable('1', '0-1-14');
    cluster.readOnly('2', '0-1-14');
    expect(cluster.writable('2', '0-1-14')).toBe(1);
    expect(cluster.book.mayHaveTakenOver('2')).toBe(true);
    cluster.readOnly('1', '', '0-1-14');
    expect(cluster.writable('2', '0-1-14')).toBe(2);
    expect(cluster.book.mayHaveTakenOver('2')).toBe(false);
    expect(cluster.writable('2', '0-1-14,0-2-15')).toBe(2);
  });

  it('is newer before it has written if it followed, and the primary became silent', () => {
    const cluster = probes();
    cluster.writable('1', '0-1-14');
    cluster.readOnly('2', '0-1-14');
    cluster.book.lost('1');
    expect(cluster.writable('2', '0-1-14')).toBe(2);
    // The former primary was only cut off, and goes on.
    expect([cluster.writable('1', '0-1-15'), cluster.writable('2', '0-1-14')]).toEqual([1, 2]);
  });

  it('cannot be told from that of the primary while both accept writes', () => {
    const cluster = probes();
    cluster.writable('1', '0-1-14');
    cluster.readOnly('2', '0-1-14');
    expect([cluster.writable('2', '0-1-14'), cluster.writable('1', '0-1-15')]).toEqual([1, 1]);
  });

  it('is not newer if it was never seen to follow', () => {
    const cluster = probes();
    cluster.writable('1', '0-1-14');
    cluster.book.lost('1');
    expect(cluster.writable('2', '0-1-14')).toBe(1);
  });

  it('is not newer while it still receives, whatever somebody wrote on it', () => {
    const cluster = probes();
    cluster.writable('1', '0-1-14');
    expect(cluster.writable('2', '0-1-14,0-2-15', true)).toBe(1);
    cluster.book.lost('1');
    expect(cluster.writable('2', '0-1-14,0-2-15', true)).toBe(2);
  });

  it('is not newer than that of another server that was promoted, and may have written since it was asked', () => {
    const cluster = probes();
    cluster.writable('1', '0-1-14');
    cluster.readOnly('2', '0-1-14');
    cluster.book.lost('1');
    expect(cluster.writable('2', '0-1-14')).toBe(2);
    expect(cluster.writable('3', '0-1-14,0-3-15')).toBe(2);
    // What follows the one that is fenced is nowhere.
    expect(cluster.readOnly('4', '0-3-15')).toEqual({
      epoch: 2,
      position: undefined,
      hasErrantWrites: false,
    });
    expect(cluster.readOnly('5', '0-1-14')).toMatchObject({ epoch: 2, position: 14n });
    cluster.book.lost('2');
    expect(cluster.writable('3', '0-1-14,0-3-15')).toBe(3);
  });

  it('begins anew when the first server takes over again', () => {
    const cluster = probes();
    cluster.writable('1', '0-1-14');
    cluster.readOnly('1', '', '0-1-14');
    expect(cluster.writable('2', '0-1-14,0-2-18')).toBe(2);
    cluster.readOnly('2', '0-1-14', '0-2-18');
    expect(cluster.writable('1', '0-2-18,0-1-19')).toBe(3);
    expect(cluster.writable('2', '0-1-14,0-2-19')).toBe(2);
  });

  it('begins anew if others wrote in the meantime, unseen', () => {
    const cluster = probes();
    cluster.writable('1', '0-1-14');
    expect(cluster.writable('1', '0-2-18,0-1-19')).toBe(2);
    expect(cluster.writable('1', '0-2-18,0-1-20')).toBe(2);
  });

  it('is the same after a restart, or after a while of refusing writes', () => {
    const cluster = probes();
    cluster.writable('1', '0-1-14');
    cluster.book.lost('1');
    cluster.readOnly('1', '', '0-1-14');
    expect(cluster.writable('1', '0-1-14')).toBe(1);
  });
});

describe('a server that refuses writes', () => {
  it('tells its own position while no primary is known', () => {
    expect(probes().readOnly('2', '0-1-14')).toEqual({
      epoch: undefined,
      position: 14n,
      hasErrantWrites: false,
    });
  });

  it.each([
    ['0-1-12', '', { epoch: 2, position: 12n, hasErrantWrites: false }],
    ['0-2-17', '', { epoch: 2, position: 17n, hasErrantWrites: false }],
    ['0-2-19', '', { epoch: 2, position: 19n, hasErrantWrites: false }],
    // It has what the former primary wrote alone.
    ['0-1-16', '', { epoch: 1, position: undefined, hasErrantWrites: false }],
    ['0-1-18', '', { epoch: 1, position: undefined, hasErrantWrites: false }],
    ['0-1-12', '0-3-13', { epoch: 2, position: 12n, hasErrantWrites: true }],
  ])('is placed in the newest history that it is on: %s %s', (slave, binlog, standing) => {
    const cluster = probes();
    cluster.writable('1', '0-1-16');
    cluster.writable('2', '0-1-14,0-2-17');
    expect(cluster.readOnly('3', slave, binlog)).toEqual(standing);
  });

  it('stays where it was while it follows a primary that is not known yet', () => {
    const cluster = probes();
    cluster.writable('1', '0-1-14');
    cluster.readOnly('3', '0-1-13');
    expect(cluster.readOnly('3', '0-2-16')).toEqual({ epoch: 1, position: 13n, hasErrantWrites: false });
    cluster.readOnly('1', '', '0-1-14');
    cluster.writable('2', '0-1-14,0-2-16');
    expect(cluster.readOnly('3', '0-2-16')).toEqual({ epoch: 2, position: 16n, hasErrantWrites: false });
  });

  it('is nowhere if it follows a server that is not known, and always did', () => {
    const cluster = probes();
    cluster.writable('1', '0-1-14');
    expect(cluster.readOnly('3', '0-2-16')).toEqual({
      epoch: undefined,
      position: undefined,
      hasErrantWrites: false,
    });
  });

  it('is not placed by writes that a former primary makes after its end', () => {
    const cluster = probes();
    cluster.writable('1', '0-1-14');
    cluster.readOnly('1', '', '0-1-14');
    cluster.writable('2', '0-1-14,0-2-18');
    cluster.readOnly('3', '0-2-18');
    // Server 1 is the primary again, but has not been asked.
    expect(cluster.readOnly('3', '0-1-19')).toEqual({ epoch: 2, position: 18n, hasErrantWrites: false });
  });

  it('that was the primary has its own writes', () => {
    const cluster = probes();
    cluster.writable('1', '0-1-14');
    cluster.readOnly('2', '0-1-14');
    // It wrote on after it was last asked.
    expect(cluster.readOnly('1', '', '0-1-15')).toEqual({ epoch: 1, position: 15n, hasErrantWrites: false });
    cluster.writable('2', '0-1-15,0-2-16');
    expect(cluster.readOnly('1', '', '0-1-15')).toEqual({ epoch: 2, position: 15n, hasErrantWrites: false });
    expect(cluster.readOnly('1', '', '0-1-16')).toEqual({ epoch: 2, position: 0n, hasErrantWrites: true });
  });

  it('of MySQL is placed beside the primary, whatever somebody wrote on it', () => {
    const [u, v] = ['3e11fa47-71ca-11e1-9e33-c80aa9429562', '44363f02-0b5f-11ee-9dc7-0242ac110003'];
    const book = new TermBook<MysqlReplayed, MysqlHistory>();
    expect(book.followed(v, new MysqlReplayed(`${u}:1-97`)).position).toBeUndefined();
    book.wrote(u, { writer: u, history: MysqlHistory.parse(`${u}:1-100`), isFollowing: false });
    expect(book.followed(v, new MysqlReplayed(`${u}:1-97,${v}:1`))).toEqual({
      epoch: 1,
      position: 97n,
      hasErrantWrites: true,
    });
    expect([book.positionOfWrite(`${u}:101`), book.positionOfWrite(`${v}:2`)]).toEqual([101n, undefined]);
  });
});

describe('a write', () => {
  it('has a position only if the newest server wrote it', () => {
    const cluster = probes();
    expect(cluster.book.positionOfWrite('0-1-15')).toBeUndefined();
    cluster.writable('1', '0-1-14');
    cluster.writable('2', '0-1-14,0-2-17');
    expect(['0-2-18', '0-1-15'].map((gtid) => cluster.book.positionOfWrite(gtid))).toEqual([18n, undefined]);
  });
});

describe('the judge of roles', () => {
  function verdictOn(node: string, epoch: number, primaryEpoch: number): RoleVerdict['kind'] {
    const snapshot = { name: node, role: 'replica', health: 'up' } as NodeSnapshot;
    const primary = { name: 'a', role: 'primary', health: 'up' } as NodeSnapshot;
    return judgeRole(
      snapshot,
      { isReadOnly: false, position: 1n, epoch },
      {
        primary,
        replicas: [snapshot],
        epoch: primaryEpoch,
        hasFollowed: () => true,
        terms: { epoch: 'term', readOnly: 'read-only', identityRemedy: '' },
      },
    ).kind;
  }

  it('takes over what was promoted, and fences what cannot be told', () => {
    const cluster = probes();
    const before = cluster.writable('1', '0-1-14');
    cluster.readOnly('2', '0-1-14');
    expect(verdictOn('b', cluster.writable('2', '0-1-14'), before)).toBe('conflict');
    cluster.book.lost('1');
    const after = cluster.writable('2', '0-1-14');
    expect(verdictOn('b', after, before)).toBe('promoted');
    expect(verdictOn('a', cluster.writable('1', '0-1-15'), after)).toBe('conflict');
  });
});
