import { describe, expect, it } from '@jest/globals';
import { checkHistory, describeHistory, type Guarantee, type Operation, shrink } from './support/history.js';

let clock = 0;
const op = (kind: Operation['kind'], value: number, changes: Partial<Operation> = {}): Operation => {
  clock += 10;
  return {
    session: 1,
    key: 1,
    kind,
    value,
    beganMs: clock,
    endedMs: clock + 5,
    process: 0,
    node: 'n',
    ...changes,
  };
};

describe('the checker of histories', () => {
  it.each<[Guarantee, Operation[]]>([
    ['read-your-writes', [op('write', 2), op('read', 1)]],
    ['monotonic-reads', [op('read', 2), op('read', 1)]],
    ['writes-follow-reads', [op('read', 2), op('write', 2)]],
    ['monotonic-writes', [op('write', 2), op('write', 1)]],
  ])('finds a violation of %s', (guarantee, history) => {
    expect(checkHistory(history)).toMatchObject([{ guarantee }]);
  });

  it('finds one across what lies between', () => {
    expect(checkHistory([op('write', 5), op('read', 5), op('read', 6), op('read', 5)])).toHaveLength(1);
  });

  it('accepts what the guarantees allow', () => {
    expect(
      checkHistory([op('write', 1), op('read', 1), op('read', 3), op('write', 4), op('read', 4)]),
    ).toEqual([]);
    expect(checkHistory([op('write', 9), op('read', 1, { session: 2 }), op('read', 1, { key: 2 })])).toEqual(
      [],
    );
  });

  it('orders only what did not run at the same time', () => {
    const write = op('write', 2, { beganMs: 0, endedMs: 100 });
    expect(checkHistory([write, op('read', 1, { beganMs: 99, endedMs: 110 })])).toEqual([]);
    expect(checkHistory([write, op('read', 1, { beganMs: 101, endedMs: 110 })])).toHaveLength(1);
  });

  it('shrinks a history to what shows the violation', () => {
    const noise = Array.from({ length: 50 }, (_, index) => op('read', index, { session: 3, key: 7 }));
    const history = [op('write', 1), op('write', 2), ...noise, op('read', 2), op('read', 1)];
    const [violation] = checkHistory(history);
    const short = shrink(history, violation as NonNullable<typeof violation>);
    expect(short).toHaveLength(2);
    expect(describeHistory(short).split('\n')).toHaveLength(2);
  });
});
