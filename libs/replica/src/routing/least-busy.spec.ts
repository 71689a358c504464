import { describe, expect, it } from '@jest/globals';
import { seededRandom } from '../../../../test/support/random.js';
import { replica } from '../../../../test/support/routing/route-queries.js';
import type { NodeLoad } from './balancer.js';
import { createBalancer } from './balancers.js';

const NODES = ['a', 'b', 'c'].map((name) => replica(name));
const IDLE: NodeLoad = { inFlight: 0, latencyMs: 1 };

function shares(load: (name: string) => NodeLoad, nodes = NODES): Record<string, number> {
  const balancer = createBalancer('least-busy', { load, random: seededRandom(7) });
  const counts: Record<string, number> = {};
  for (let index = 0; index < 9_000; index++) {
    const { name } = balancer.choose(nodes);
    counts[name] = (counts[name] ?? 0) + 1 / 9_000;
  }
  return counts;
}

describe('the least busy of two', () => {
  it('spreads reads evenly over nodes that are equally busy', () => {
    for (const share of Object.values(shares(() => IDLE))) expect(share).toBeCloseTo(1 / 3, 1);
  });

  it('takes the busier of two seldom', () => {
    const load = (name: string): NodeLoad => (name === 'a' ? { inFlight: 3, latencyMs: 1 } : IDLE);
    expect(shares(load, NODES.slice(0, 2)).a).toBeCloseTo(1 / 5, 1);
  });

  it('gives a slow node few reads, but enough to notice that it recovers', () => {
    const load = (name: string): NodeLoad => ({ inFlight: 0, latencyMs: name === 'b' ? 6 : 1.2 });
    const { b = 0 } = shares(load, NODES.slice(0, 2));
    expect(b).toBeLessThan(0.25);
    expect(b).toBeGreaterThan(0.05);
  });

  it('takes no notice of noise between fast nodes', () => {
    const load = (name: string): NodeLoad => ({ inFlight: 0, latencyMs: name === 'b' ? 0.2 : 0.9 });
    expect(shares(load, NODES.slice(0, 2)).b).toBeCloseTo(0.5, 1);
  });
});
