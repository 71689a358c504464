import { GtidSet } from './gtid-set.js';
import { Random } from '../../../../../test/support/statements/random.js';
import { MysqlHistory, MysqlReplayed } from './mysql-history.js';
import { TaggedSamples } from './tagged-samples.js';

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

  it('keeps tags apart, and knows whose they are', () => {
    const set = GtidSet.parse(`${U}:1-10:audit:1-3:5:Login:2, ${U}:audit:4,${V}:x_1:7`);
    expect(set.writers).toEqual([U, V]);
    expect([set.sizeOf(U), set.sizeOf(V), set.sizeOf(`${U}:audit`)]).toEqual([16n, 1n, 0n]);
    expect([set.of(`${U}:audit`), set.of(U)]).toEqual([[[1n, 5n]], [[1n, 10n]]]);
    expect([set.hasTags(U), set.hasTags(V), set.hasTags(W)]).toEqual([true, true, false]);
    expect(GtidSet.parse(`${U}:1-10`).hasTags(U)).toBe(false);
  });

  it.each([
    [`${U}:1-10:audit:1-3`, `${U}:1-10:audit:1-3`, true],
    [`${U}:1-10`, `${U}:1-10:audit:1-3`, true],
    [`${U}:audit:1-3`, `${U}:1-10`, false],
    [`${U}:1-10:audit:1-3`, `${U}:1-99:audit:1-2:4-9`, false],
    [`${U}:1-2,${V}:a:1`, `${U}:1-3,${V}:a:1-2:b:1`, true],
    [`${U}:1`, '', false],
    ['', '', true],
  ])('%j is within %j: %s', (part, whole, isWithin) => {
    expect(GtidSet.parse(part).isWithin(GtidSet.parse(whole))).toBe(isWithin);
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
    `${U}:audit`,
    `${U}:1-3:audit`,
    `${U}:audit:login:1`,
    `${U}:1audit:1`,
    `${U}:${'a'.repeat(33)}:1`,
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
    [`${U}:9`, `${U}:1-9,${V}:audit:1-3`, 12n, 'one beside tags of others'],
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

describe('a position beside a primary that uses tags', () => {
  /** The history of a primary that was asked several times, at first before this process knew of any tag. */
  function asked(...sets: readonly string[]): MysqlHistory {
    let history: MysqlHistory | undefined;
    for (const set of sets) history = MysqlHistory.parse(set).goesOnFrom(history, U);
    return history!;
  }
  const positionIn = (history: MysqlHistory, executed: string): bigint | undefined =>
    history.positionOf(new MysqlReplayed(executed), U);

  it('is that of the newest sample that the replica has the whole of', () => {
    const history = asked(`${U}:1-5:a:1`, `${U}:1-5:a:1-3`, `${U}:1-8:a:1-3:b:1`);
    expect(history.position).toBe(12n);
    expect(
      [
        `${U}:1-4:a:1-2`,
        `${U}:1-5:a:1`,
        `${U}:1-7:a:1-2`,
        `${U}:1-7:a:1-3`,
        `${U}:1-8:a:1-3`,
        `${U}:1-8:a:1-3:b:1`,
        `${U}:1-9:a:1-4:b:1-2`,
      ].map((executed) => positionIn(history, executed)),
    ).toEqual([0n, 6n, 6n, 8n, 8n, 12n, 12n]);
  });

  it('is not told for a write by its number', () => {
    const history = asked(`${U}:1-9:audit:1-3`);
    for (const gtid of [`${U}:9`, `${U}:10`, `${U}:audit:3`])
      expect(history.positionOfWrite(gtid, U)).toBeUndefined();
  });

  it('is not told for a replica that lacks what others wrote', () => {
    expect(positionIn(asked(`${U}:1-5:a:1,${V}:1-3`), `${U}:1-5:a:1,${V}:1-2`)).toBeUndefined();
  });

  it('forgets what was only about to be committed', () => {
    const history = asked(`${U}:1-5:a:1`, `${U}:1-5:a:1-3`, `${U}:1-6:a:1-2`);
    expect([`${U}:1-6:a:1-2`, `${U}:1-5:a:1-2`].map((executed) => positionIn(history, executed))).toEqual([
      8n,
      6n,
    ]);
  });

  it('goes only upwards while the primary is asked again and again', () => {
    const replica = `${U}:1-3:a:1-3`;
    let history: MysqlHistory | undefined;
    const positions = new Set<bigint | undefined>();
    for (let count = 1; count < 500; count++) {
      history = MysqlHistory.parse(`${U}:1-${count}:a:1-${count}`).goesOnFrom(history, U);
      if (count > 3) positions.add(positionIn(history, replica));
    }
    expect([...positions]).toEqual([6n]);
    const behind = [480, 400, 200, 50].map((at) => Number(positionIn(history!, `${U}:1-${at}:a:1-${at}`)));
    expect(behind).toEqual(behind.toSorted((a, b) => b - a));
    expect([behind[0]! > 940, behind[3]! >= 6]).toEqual([true, true]);
  });

  it('covers no write that the replica lacks, in whatever order it replays', () => {
    const random = new Random(1);
    const wrong: string[] = [];
    let reached = 0;
    for (let run = 0; run < 200; run++) {
      const written: string[] = [];
      const numbers = new Map<string, number>();
      const write = (): void => {
        const source = random.pick([U, `${U}:a`, `${U}:b`]);
        numbers.set(source, (numbers.get(source) ?? 0) + 1);
        written.push(`${source}:${numbers.get(source)}`);
      };
      write();
      let history = MysqlHistory.parse([`${U}:t:1`, ...written].join()).goesOnFrom(undefined, U);
      for (let step = 0; step < 8; step++) {
        write();
        const seen = written.length;
        if (random.chance(0.5))
          history = MysqlHistory.parse([`${U}:t:1`, ...written].join()).goesOnFrom(history, U);
        else continue;
        const replayed = written.filter((_, index) => index < seen - 2 || random.chance(0.5));
        const position = positionIn(history, [`${U}:t:1`, ...replayed].join())!;
        if (position > 0n) reached += 1;
        // A session that wrote number n learned a position of at least n + 1, because of the tag's own.
        if (written.slice(0, Math.max(0, Number(position) - 1)).some((gtid) => !replayed.includes(gtid)))
          wrong.push(replayed.join());
      }
    }
    expect(wrong).toEqual([]);
    expect(reached).toBeGreaterThan(100);
  });
});

describe('the first tag of a primary', () => {
  it('is waited out until every process knows of it', () => {
    let nowMs = 0;
    const samples = new TaggedSamples(true, () => nowMs);
    const executed = GtidSet.parse(`${U}:1-5:a:1`);
    samples.add(executed);
    expect(samples.positionOf(executed)).toBe(0n);
    nowMs = 5_000;
    samples.add(executed);
    expect(samples.positionOf(executed)).toBe(6n);
  });

  it('makes no history of its own', () => {
    const [before, after] = [MysqlHistory.parse(`${U}:1-5`), MysqlHistory.parse(`${U}:1-5:a:1`)];
    expect(after.hasOthersSince(before, U)).toBe(false);
    expect(before.writersBeyond(new MysqlReplayed(`${U}:1-5:a:1`))).toEqual([U]);
    expect(after.positionOf(new MysqlReplayed(`${U}:1-5:a:1`), U)).toBe(0n);
  });
});

describe('of two servers of MySQL that accept writes', () => {
  it.each<[what: string, a: [string, string], b: [string, string], order: string | undefined]>([
    ['a split brain', [U, `${U}:1-102`], [V, `${U}:1-100,${V}:1-3`], 'older'],
    ['a split brain with tags', [U, `${U}:1-9:a:1-3`], [V, `${U}:1-9:a:1-2,${V}:b:1`], 'older'],
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
