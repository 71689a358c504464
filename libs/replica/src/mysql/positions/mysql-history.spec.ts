import { GtidSet } from './gtid-set.js';
import { MysqlHistory, MysqlReplayed } from './mysql-history.js';

const U = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const V = '44363f02-0b5f-11ee-9dc7-0242ac110003';
const W = '5d0fb4ea-0b5f-11ee-9dc7-0242ac110004';

describe('a GTID set', () => {
  it.each([
    ['', 0n],
    [`${U}:1`, 1n],
    [`${U}:1-100`, 100n],
    [`${U}:1-5:7`, 6n],
    [`${U}:7:1-5:6`, 7n],
    [`${U}:1-5:3-9`, 9n],
    [`${U}:1-100,\n${V}:1-7`, 107n],
    [`${U.toUpperCase()}:1-2,${U}:3`, 3n],
    [`${U}:1-50:1000001-1000020`, 70n],
    [`${U}:1-10:audit:1-3`, 13n],
    [`${U}:5#32:6#33`, 2n],
    [`${U}:5#32#33`, 1n],
    [`\n ${U} : 1 - 5 :7,\r\n\t${V}:1-7 ,\n`, 13n],
    [' ,\n', 0n],
    [`${U}:3-4,${V}:1,${U.toUpperCase()}:1-3`, 5n],
    [`${U}:1-9223372036854775806`, 9223372036854775806n],
  ])('%j has %s transactions', (text, size) => {
    expect(GtidSet.parse(text).size).toBe(size);
  });

  it('keeps tags apart', () => {
    expect(GtidSet.parse(`${U}:1-10:audit:1-3:Login:2`).sources).toEqual([U, `${U}:audit`, `${U}:login`]);
  });

  it.each([
    '0-1-14',
    U,
    `${U}:`,
    `${U}:0`,
    `${U}:5-3`,
    `${U}:1-`,
    'x:1',
    `${U}:1-2-3`,
    `${U}:a b:1-`,
    `${U}:1 2`,
    `${U}:1-99999999999999999999`,
    `${U} ${V}:1`,
  ])('is rejected: %j', (text) => {
    expect(() => GtidSet.parse(text)).toThrow(RangeError);
  });

  it.each([
    [`${U}:1-10`, `${U}:1-10`, 0n],
    [`${U}:1-10`, '', 10n],
    [`${U}:1-10`, `${U}:2-3:5:9-20`, 5n],
    [`${U}:1-3:5-7:9`, `${U}:1-9`, 0n],
    [`${U}:1-9`, `${U}:1-3:5-7:9`, 2n],
    [`${U}:5-9:20-30`, `${U}:1-6:8-25`, 6n],
  ])('%j lacks in %j %s transactions', (whole, part, missing) => {
    expect(GtidSet.parse(whole).missingIn(GtidSet.parse(part), U)).toBe(missing);
  });
});

describe('a position of MySQL', () => {
  it.each([
    [`${U}:1-100`, '', 100n],
    [`${U}:1-100`, `${U}:101#7:103#8`, 102n],
    [`${U}:1-101`, `${U}:101#7`, 101n],
  ])('of a primary counts what is being committed: %s and %j', (executed, owned, position) => {
    expect(MysqlHistory.parse(executed, owned).position).toBe(position);
  });

  it.each([
    [`${U}:100`, `${U}:1-100`, 100n, 'the last one'],
    [`${U}:103`, `${U}:1-100`, 103n, 'one after the primary was asked'],
    [`${U}:90`, `${U}:1-100`, 90n, 'an earlier one'],
    [`${U}:3`, `${U}:1-2:4-5`, undefined, 'one that is in a gap'],
    [`${U}:5`, `${U}:1-2:4-5`, 4n, 'one behind a gap'],
    [`${V}:7`, `${U}:1-100,${V}:1-7`, 107n, 'one after a failover'],
    [`${V}:1`, `${U}:1-100`, 101n, 'the first one after a failover'],
    [`${U}:101`, `${U}:1-101,${V}:1-7`, 108n, 'one after failing back'],
    [`${U}:1000020`, `${U}:1-50:1000001-1000020`, 70n, 'one in a block of a replication group'],
    [`${U.toUpperCase()}:5`, `${U}:1-9`, 5n, 'one in capitals'],
    [`${U}:audit:2`, `${U}:1-9:audit:1-3`, 11n, 'one with a tag'],
  ])('of the write %s beside %s is %s: %s', (gtid, executed, position, _what) => {
    const writer = gtid.slice(0, gtid.lastIndexOf(':')).toLowerCase();
    expect(MysqlHistory.parse(executed).positionOfWrite(gtid, writer)).toBe(position);
  });

  it.each([`${V}:5`, `${U}:5-6`, U, '', '0-1-5', `${U}:audit:5`])(
    'is not told for what the primary did not write: %s',
    (gtid) => {
      expect(MysqlHistory.parse(`${U}:1-9`).positionOfWrite(gtid, U)).toBeUndefined();
    },
  );

  it.each([
    [`${U}:1-97`, `${U}:1-100`, U, 97n, 'behind'],
    [`${U}:1-105`, `${U}:1-100`, U, 105n, 'asked later than the primary'],
    [`${U}:1-97:99`, `${U}:1-100`, U, 97n, 'out of order'],
    [`${U}:1-97:99-120`, `${U}:1-100`, U, 97n, 'out of order and later'],
    [`${U}:1-100:102`, `${U}:1-100`, U, 100n, 'out of order after the primary was asked'],
    [`${U}:2-100`, `${U}:1-100`, U, 0n, 'without the first one'],
    ['', `${U}:1-100`, U, 0n, 'empty'],
    [`${U}:1-5`, '', U, 5n, 'beside a primary without a write'],
    [`${U}:1-100,${V}:1-5`, `${U}:1-100,${V}:1-7`, V, 105n, 'after a failover'],
    [`${U}:1-99,${V}:1-5`, `${U}:1-100,${V}:1-7`, V, undefined, 'without a write of the former primary'],
    [`${U}:1-100,${V}:1-7`, `${U}:1-101,${V}:1-7`, U, 107n, 'after failing back'],
    [`${U}:1-50:1000001-1000015`, `${U}:1-50:1000001-1000020`, U, 65n, 'in a block of a replication group'],
    [`${U}:1-9,${W}:1-2`, `${U}:1-9`, U, 9n, 'with writes of its own'],
  ])('of a replica with %j beside %j: %s, %s', (executed, primary, writer, position, _what) => {
    const history = MysqlHistory.parse(primary);
    expect(history.positionOf(new MysqlReplayed(executed), writer)).toBe(position);
  });

  it('of a replica covers no write that the replica lacks, whatever it has', () => {
    const wrong: string[] = [];
    for (let has = 0; has < 1 << 7; has += 1) {
      const numbers = [1, 2, 3, 4, 5, 6, 7].filter((number) => (has & (1 << (number - 1))) !== 0);
      const executed = numbers.length === 0 ? '' : `${U}:${numbers.join(':')}`;
      const history = MysqlHistory.parse(`${U}:1-5`);
      const position = history.positionOf(new MysqlReplayed(executed), U)!;
      for (let number = 1; number <= 7; number += 1) {
        const write = history.positionOfWrite(`${U}:${number}`, U)!;
        if (write <= position && !numbers.includes(number)) wrong.push(`${executed} lacks ${number}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe('of two servers of MySQL that accept writes', () => {
  it.each<[what: string, a: [string, string], b: [string, string], order: string | undefined]>([
    ['a split brain', [U, `${U}:1-102`], [V, `${U}:1-100,${V}:1-3`], 'older'],
    ['a promotion without a write', [U, `${U}:1-100`], [V, `${U}:1-100`], undefined],
    ['a failback', [U, `${U}:1-101,${V}:1-7`], [V, `${U}:1-100,${V}:1-8`], undefined],
    ['two promotions at once', [V, `${U}:1-9,${V}:1`], [W, `${U}:1-9,${W}:1`], undefined],
    ['a replication group', [U, `${U}:1-9`], [U, `${U}:1-12`], undefined],
  ])('the later one is found: %s', (_what, [a, executedByA], [b, executedByB], order) => {
    const [first, second] = [
      { writer: a, history: MysqlHistory.parse(executedByA) },
      { writer: b, history: MysqlHistory.parse(executedByB) },
    ];
    const opposite = { newer: 'older', older: 'newer' }[order ?? ''];
    expect([first.history.orderOf(a, second), second.history.orderOf(b, first)]).toEqual([order, opposite]);
  });

  it('the history tells which writes it lacks', () => {
    const history = MysqlHistory.parse(`${U}:1-9,${V}:1-2`);
    const replayed = new MysqlReplayed(`${U}:1-10,${V}:1-2,${W}:1`);
    expect(history.writersBeyond(replayed)).toEqual([U, W]);
    expect([history.lacksOwnWritesOf(replayed, W), history.lacksOwnWritesOf(replayed, V)]).toEqual([
      true,
      false,
    ]);
    expect(history.hasOthersSince(MysqlHistory.parse(`${U}:1-9,${V}:1`), U)).toBe(true);
    expect(history.hasOthersSince(MysqlHistory.parse(`${U}:1-3,${V}:1-2`), U)).toBe(false);
  });
});
