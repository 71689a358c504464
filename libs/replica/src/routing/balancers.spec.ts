import { describe, expect, it } from '@jest/globals';
import { exponential, seededRandom } from '../../../../test/support/random.js';
import { replica } from '../../../../test/support/routing/route-queries.js';
import { SimulatedNodes } from '../../../../test/support/routing/simulated-nodes.js';
import type { NodeSnapshot } from '../topology/topology.js';
import { BALANCERS, type BalancerFunction, type BalancerName, type NodeLoad } from './balancer.js';
import { createBalancer } from './balancers.js';
import { InvalidChoiceError } from '../errors/invalid-choice.error.js';

const READS = 12_000;
const IDLE: NodeLoad = { inFlight: 0, latencyMs: 1 };

const weighted = (...weights: number[]): readonly NodeSnapshot[] =>
  weights.map((weight, index) => replica(`r${index + 1}`, { weight, roundTripMs: 1 }));

/** The share of the reads that each candidate gets while all of them are idle. */
function shares(
  asked: BalancerName | BalancerFunction,
  candidates: readonly NodeSnapshot[],
  { load = () => IDLE, region }: { load?: (name: string) => NodeLoad; region?: string } = {},
): Record<string, number> {
  const balancer = createBalancer(asked, { load, random: seededRandom(7), region });
  const counts = Object.fromEntries(candidates.map(({ name }) => [name, 0]));
  for (let read = 0; read < READS; read++) {
    const { name } = balancer.choose(candidates);
    counts[name] = (counts[name] ?? 0) + 1 / READS;
  }
  return counts;
}

/** Equal within two hundredths. */
const expectShares = (found: Record<string, number>, expected: readonly number[]): void => {
  expect(Object.keys(found)).toHaveLength(expected.length);
  for (const [index, share] of Object.values(found).entries())
    expect(Math.abs(share - (expected[index] ?? 0))).toBeLessThan(0.02);
};

describe('a balancer', () => {
  it.each(BALANCERS)('%s spreads reads evenly over equal nodes', (name) => {
    expectShares(shares(name, weighted(1, 1, 1)), [1 / 3, 1 / 3, 1 / 3]);
  });

  it.each(BALANCERS)('%s takes the only one', (name) => {
    expect(shares(name, weighted(1)).r1).toBeCloseTo(1);
  });

  it.each<[BalancerName, readonly number[]]>([
    ['least-busy', [1 / 4, 3 / 4]],
    ['random', [1 / 4, 3 / 4]],
    ['weighted-round-robin', [1 / 4, 3 / 4]],
    ['nearest', [1 / 4, 3 / 4]],
    ['round-robin', [1 / 2, 1 / 2]],
  ])('%s gives nodes of the weights 1 and 3 their shares', (name, expected) => {
    expectShares(shares(name, weighted(1, 3)), expected);
  });

  it.each(['least-busy', 'random', 'weighted-round-robin'] as const)(
    '%s gives one heavy node of many its share',
    (name) => {
      expectShares(shares(name, weighted(1, 1, 10)), [1 / 12, 1 / 12, 10 / 12]);
    },
  );

  it.each(['least-busy', 'random', 'weighted-round-robin'] as const)(
    '%s gives a node that lags half of its share',
    (name) => {
      const candidates = [replica('r1', { isLagging: true }), replica('r2')];
      expectShares(shares(name, candidates), [1 / 3, 2 / 3]);
    },
  );

  it.each(BALANCERS)('%s takes a node of weight 0 that was asked for like any other', (name) => {
    expectShares(shares(name, weighted(0, 1)), [1 / 2, 1 / 2]);
  });
});

describe('turns', () => {
  const turns = (name: BalancerName, candidateLists: readonly (readonly NodeSnapshot[])[]): string => {
    const balancer = createBalancer(name, { load: () => IDLE, random: Math.random });
    return candidateLists.map((candidates) => balancer.choose(candidates).name.slice(1)).join('');
  };

  it('are taken in order, and a node that comes back has its turn', () => {
    const all = weighted(1, 1, 1);
    const two = all.slice(1);
    expect(turns('round-robin', [all, all, all, all, two, two, all, all, all])).toBe('123123123');
  });

  it('come right where reads of two kinds alternate', () => {
    const all = weighted(1, 1);
    const lists = Array.from({ length: 8 }, (_, index) =>
      index % 2 === 0 ? all : [replica('r3'), replica('r4')],
    );
    expect(turns('round-robin', lists)).toBe('13241324');
  });

  it('are evenly interleaved by weight', () => {
    expect(
      turns(
        'weighted-round-robin',
        Array.from({ length: 7 }, () => weighted(5, 1, 1)),
      ),
    ).toBe('1121311');
  });
});

describe('the nearest', () => {
  const NEAR = replica('r1', { region: 'eu', roundTripMs: 40 });
  const FAR = replica('r2', { region: 'us', roundTripMs: 1 });

  it('are those of the own region, however long their round trip', () => {
    expect(shares('nearest', [NEAR, FAR], { region: 'eu' }).r1).toBeCloseTo(1);
  });

  it('are those with the shortest round trip where none is of the own region', () => {
    expect(shares('nearest', [NEAR, FAR], { region: 'ap' }).r2).toBeCloseTo(1);
    expect(shares('nearest', [NEAR, FAR]).r2).toBeCloseTo(1);
  });

  it('are all within 15 ms of the shortest', () => {
    const candidates = [1, 16, 16.1].map((roundTripMs, index) => replica(`r${index + 1}`, { roundTripMs }));
    expectShares(shares('nearest', candidates), [1 / 2, 1 / 2, 0]);
  });

  it('are all where no round trip is known', () => {
    expectShares(shares('nearest', [replica('r1'), replica('r2')]), [1 / 2, 1 / 2]);
  });

  it('are chosen from by how busy they are', () => {
    const load = (name: string): NodeLoad => ({ inFlight: name === 'r1' ? 3 : 0, latencyMs: 1 });
    const candidates = ['r1', 'r2'].map((name) => replica(name, { region: 'eu' }));
    expectShares(shares('nearest', candidates, { region: 'eu', load }), [1 / 5, 4 / 5]);
  });
});

describe('a function of the user', () => {
  it('sees all that is known of the candidates, and chooses', () => {
    const seen: unknown[] = [];
    const candidates = [
      replica('r1', { weight: 2, isLagging: true, lagMs: 7, roundTripMs: 3 }),
      replica('r2', { region: 'eu', tags: { size: 'l' } }),
    ];
    const last: BalancerFunction = (nodes) => {
      seen.push(...nodes);
      return nodes.at(-1)?.name ?? '';
    };
    const balancer = createBalancer(last, { load: () => IDLE, random: Math.random });
    expect(balancer.choose(candidates).name).toBe('r2');
    expect(seen).toEqual([
      { name: 'r1', address: 'r1:5432', weight: 1, lagMs: 7, roundTripMs: 3, ...IDLE },
      { name: 'r2', address: 'r2:5432', weight: 1, region: 'eu', tags: { size: 'l' }, ...IDLE },
    ]);
  });

  it.each([
    ['r9', '"r9"'],
    [undefined, 'undefined'],
    [{ name: 'r1' }, 'an object'],
    [Object.create(null), 'an object'],
    [Symbol('r1'), 'a symbol'],
    [Promise.reject(new Error('asked too late')), 'a promise'],
  ])('is told when it names none of them: %#', (choice, shown) => {
    const balancer = createBalancer(() => choice as string, {
      load: () => IDLE,
      random: Math.random,
    });
    const choose = (): NodeSnapshot => balancer.choose([replica('r1'), replica('r2')]);
    expect(choose).toThrow(InvalidChoiceError);
    expect(choose).toThrow(`option balancer named ${shown}: it has to name one of r1, r2`);
  });
});

describe('the least busy of two, over time', () => {
  const EQUAL = [replica('r1'), replica('r2')];
  const share = (counts: Record<string, number>): number =>
    (counts.r2 ?? 0) / ((counts.r1 ?? 0) + (counts.r2 ?? 0));

  it.each([1, 2, 3])('spares a slow node, and takes it up again when it is well (seed %s)', (seed) => {
    const random = seededRandom(seed);
    const nodes = new SimulatedNodes();
    const balancer = createBalancer('least-busy', { load: nodes.load, random: seededRandom(seed + 100) });
    const takes = (slowMs: number) => (node: string) => exponential(random, node === 'r2' ? slowMs : 2);
    const run = (count: number, slowMs: number): number =>
      share(nodes.run(balancer, EQUAL, { count, everyMs: 0.5, serviceMs: takes(slowMs) }));
    expect(Math.abs(run(4_000, 2) - 0.5)).toBeLessThan(0.05);
    run(200, 20);
    expect(run(4_000, 20)).toBeLessThan(0.25);
    run(200, 2);
    expect(Math.abs(run(4_000, 2) - 0.5)).toBeLessThan(0.05);
  });

  it('notices a node that hangs by what is under way on it', () => {
    const random = seededRandom(5);
    const nodes = new SimulatedNodes();
    const balancer = createBalancer('least-busy', { load: nodes.load, random: seededRandom(6) });
    const serviceMs = (node: string): number => (node === 'r2' ? Infinity : exponential(random, 2));
    expect(share(nodes.run(balancer, EQUAL, { count: 2_000, everyMs: 0.5, serviceMs }))).toBeLessThan(0.25);
  });
});
