import { describe, expect, it } from '@jest/globals';
import { countSteps } from '../../../../../test/support/statements/count-steps.js';
import { GtidSet } from './gtid-set.js';
import { MysqlHistory, MysqlReplayed } from './mysql-history.js';

const stepsOf = countSteps(/\/mysql\/positions\//);

const U = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const V = '44363f02-0b5f-11ee-9dc7-0242ac110003';

/** Every second of so many transactions, the last ones first: sets are written in any order. */
const gaps = (count: number): string =>
  Array.from({ length: count }, (_, index) => `:${2 * (count - index) - 1}`).join('');

describe('the steps for a GTID set', () => {
  it.each<[string, (text: string) => unknown]>([
    ['to read it', (text) => GtidSet.parse(text)],
    [
      'to place a replica beside it',
      (text) => MysqlHistory.parse(text).positionOf(new MysqlReplayed(text), U),
    ],
    [
      'to place a replica beside it, when another server writes',
      (text) => MysqlHistory.parse(text).positionOf(new MysqlReplayed(text), V),
    ],
    ['to find what it lacks', (text) => MysqlHistory.parse(text).writersBeyond(new MysqlReplayed(text))],
  ])('grow no faster than its intervals: %s', (_, work) => {
    const steps = [2_500, 5_000, 10_000].map((count) => stepsOf(() => work(U + gaps(count))));
    expect(steps[0]).toBeGreaterThan(2_500);
    const isLinear = steps.slice(1).every((more, index) => more <= 2.3 * steps[index]!);
    expect({ steps, isLinear }).toMatchObject({ isLinear: true });
  });

  it('are few for a write, however many intervals the history has', () => {
    const history = MysqlHistory.parse(`${V}${gaps(10_000)},${U}${gaps(10_000)}`);
    let position: bigint | undefined;
    expect(stepsOf(() => (position = history.positionOfWrite(`${U}:20001`, U)))).toBeLessThan(50);
    expect(position).toBe(20_002n);
    expect(history.positionOf(new MysqlReplayed(`${V}${gaps(10_000)},${U}:1-20001`), U)).toBe(20_002n);
  });
});
