import { describe, expect, it } from '@jest/globals';
import { PRIMARY, replica, topologyOf } from '../../../../test/support/routing/route-queries.js';
import type { NodeSnapshot } from '../topology/topology.js';
import { LagSamples } from './lag-samples.js';

const of = (...replicas: NodeSnapshot[]) => topologyOf(...replicas);

describe('LagSamples', () => {
  it('tells how lag is distributed', () => {
    const samples = new LagSamples();
    for (let lagMs = 1; lagMs <= 100; lagMs += 1) samples.take(of(replica('r1', { lagMs })), lagMs);
    expect(samples.distributions()).toEqual([
      { name: 'r1', p50Ms: 50, p95Ms: 95, maxMs: 100, isAtLeast: false, samples: 100, missed: 0 },
    ]);
  });

  it('counts a replica that has not even what the primary had at first as behind since then, at least', () => {
    const samples = new LagSamples();
    for (const nowMs of [1_000, 2_000, 4_000]) samples.take(of(replica('r1', { lagMs: undefined })), nowMs);
    expect(samples.distributions()).toMatchObject([{ p50Ms: 1_000, maxMs: 3_000, isAtLeast: true }]);
  });

  it('counts what it could not learn as missed', () => {
    const samples = new LagSamples();
    samples.take(of(replica('r1', { health: 'down', lagMs: 5 })), 0);
    samples.take({ ...of(replica('r1', { lagMs: 5 })), primary: { ...PRIMARY, health: 'down' } }, 1);
    expect(samples.distributions()).toEqual([
      { name: 'r1', p50Ms: null, p95Ms: null, maxMs: null, isAtLeast: false, samples: 0, missed: 2 },
    ]);
    expect(samples.isPrimaryMissing).toBe(false);
  });
});
