import { domainsOf, formatGtid, parseGtids } from './mariadb-gtid.js';
import { MariadbHistory, MariadbReplayed } from './mariadb-history.js';

function historyOf(state: string): MariadbHistory {
  const history = MariadbHistory.parse(state);
  if (history === undefined) throw new Error(`several domains: ${state}`);
  return history;
}

describe('a list of GTIDs of MariaDB', () => {
  it.each(['0-1-14', '0-1-14,0-2-17', '4294967295-4294967295-18446744073709551615'])(
    'is read and written: %s',
    (text) => {
      expect(parseGtids(text).map(formatGtid).join()).toBe(text);
    },
  );

  it('is empty before the first write', () => {
    expect(parseGtids('')).toEqual([]);
  });

  it('names its domains', () => {
    expect(domainsOf(parseGtids('0-1-20, 7-1-2, 0-2-21'))).toEqual([0, 7]);
  });

  it.each(['0-1', '0-1-2-3', 'a-b-c', '0-1-14;', '0-1-14,', '-1-1-1', '3e11fa47-71ca:1'])(
    'is rejected: %j',
    (text) => {
      expect(() => parseGtids(text)).toThrow(RangeError);
    },
  );
});

describe('what a replica of MariaDB has replayed', () => {
  it.each([
    ['0-1-12', '0-1-12', 12n, undefined, 'as far as it has replayed'],
    ['0-1-12', '0-1-13', 12n, undefined, 'not as far as its binary log, which runs ahead'],
    ['0-1-12', '0-3-13', 12n, '0-3-13', 'not as far as somebody wrote on it'],
    ['', '', 0n, undefined, 'nothing yet'],
    ['', '0-3-16', 0n, '0-3-16', 'nothing, but it was the primary'],
    ['0-1-12,7-1-3', '', undefined, undefined, 'several domains'],
    ['0-1-12', '7-3-1', undefined, undefined, 'a domain of its own'],
  ])('is %s with the binary log at %s: %s', (slave, binlog, position, own, _what) => {
    const replayed = new MariadbReplayed(slave, binlog, '3');
    expect([replayed.position, replayed.own && formatGtid(replayed.own)]).toEqual([position, own]);
  });
});

describe('the history of a server of MariaDB', () => {
  it('is not told for several domains', () => {
    expect(MariadbHistory.parse('0-1-20,7-1-2')).toBeUndefined();
  });

  it.each([
    ['0-1-12', []],
    ['0-1-14', []],
    ['0-1-16', ['1']],
    ['0-2-17', []],
    ['0-2-18', ['2']],
    ['0-3-1', ['3']],
    ['7-2-17', ['2']],
    ['', []],
  ])('has what a replica at %s has, but for writes of %j', (position, writers) => {
    expect(historyOf('0-1-14,0-2-17').writersBeyond(new MariadbReplayed(position, '', '9'))).toEqual(writers);
  });

  it.each([
    ['0-1-12', '0-2-13', 13n, false, 'has written it itself as the primary'],
    ['0-1-12', '0-3-13', 12n, true, 'has errant writes'],
    ['0-1-12', '', 12n, false, 'has only replayed'],
    ['7-1-12', '', undefined, false, 'is in another domain'],
  ])('places a replica at %s, %s', (slave, binlog, position, isErrant, _what) => {
    const history = historyOf('0-1-12,0-2-14');
    const replayed = new MariadbReplayed(slave, binlog, /^0-(\d+)/.exec(binlog)?.[1] ?? '9');
    expect([history.positionOf(replayed, '1'), history.lacksOwnWritesOf(replayed)]).toEqual([
      position,
      isErrant,
    ]);
  });

  it.each([
    ['0-2-17', 17n],
    ['0-2-18', 18n],
    ['0-1-18', undefined],
    ['7-2-18', undefined],
    ['0-2-17,7-2-1', undefined],
    ['', undefined],
  ])('places the write %j of server 2 at %s', (gtid, position) => {
    expect(historyOf('0-1-14,0-2-17').positionOfWrite(gtid, '2')).toBe(position);
  });

  it('tells whether others have written in it, and since when', () => {
    const [before, after] = [historyOf('0-1-14,0-2-17'), historyOf('0-1-14,0-2-19,0-3-18')];
    expect([before.hasOthersThan('1'), historyOf('0-1-3').hasOthersThan('1')]).toEqual([true, false]);
    expect([after.hasOthersSince(before, '2'), before.hasOthersSince(before, '2')]).toEqual([true, false]);
  });
});

describe('of two servers of MariaDB that accept writes', () => {
  it.each<[what: string, a: [string, string], b: [string, string], order: string | undefined]>([
    ['a split brain', ['1', '0-1-16'], ['2', '0-1-14,0-2-17'], 'older'],
    ['a failback', ['1', '0-2-18,0-1-20'], ['2', '0-1-14,0-2-19'], 'newer'],
    ['a promotion without a write', ['1', '0-1-14'], ['2', '0-1-14'], undefined],
    ['a primary that goes on', ['1', '0-1-16'], ['2', '0-1-14'], undefined],
    ['two promotions at once', ['2', '0-1-14,0-2-15'], ['3', '0-1-14,0-3-15'], undefined],
    ['a third primary, one wrote', ['2', '0-1-14,0-2-15'], ['3', '0-1-14'], 'ahead'],
    ['nothing in common', ['1', '0-1-14'], ['2', '0-2-15'], undefined],
    ['an empty binary log', ['1', ''], ['2', '0-1-14,0-2-15'], undefined],
    ['the same server', ['1', '0-1-14'], ['1', '0-1-16'], undefined],
  ])('the later one is found: %s', (_what, [a, stateOfA], [b, stateOfB], order) => {
    const [first, second] = [
      { writer: a, history: historyOf(stateOfA) },
      { writer: b, history: historyOf(stateOfB) },
    ];
    const opposite = { newer: 'older', ahead: 'older', older: 'newer' }[order ?? ''];
    expect([first.history.orderOf(a, second), second.history.orderOf(b, first)]).toEqual([order, opposite]);
  });
});
