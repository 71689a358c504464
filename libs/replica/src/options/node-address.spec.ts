import { describe, expect, it } from '@jest/globals';
import { nodeNameOf } from './node-address.js';

describe('nodeNameOf', () => {
  it.each([
    ['10.0.0.5', 5432, '10.0.0.5'],
    ['10.0.0.5', 5433, '10.0.0.5-5433'],
    ['fd00::5', 5432, 'fd00--5'],
    ['pg-0.pg.shop.svc.cluster.local', 5432, 'pg-0.pg.shop.svc.cluster.local'],
    ['/run/postgresql', 5432, '-run-postgresql'],
  ])('names the node at %s, port %i: %s', (host, port, name) => {
    expect(nodeNameOf(host, port)).toBe(name);
  });

  it('keeps long names apart, and always gives the same one', () => {
    const host = `pg-0.${'x'.repeat(60)}.svc.cluster.local`;
    const other = `pg-0.${'x'.repeat(60)}.svc.cluster.other`;
    expect(nodeNameOf(host, 5432)).toMatch(/^pg-0\.x+-[0-9a-f]{12}$/);
    expect(nodeNameOf(host, 5432)).toHaveLength(64);
    expect(nodeNameOf(host, 5432)).toBe(nodeNameOf(host, 5432));
    expect(nodeNameOf(host, 5432)).not.toBe(nodeNameOf(other, 5432));
    expect(nodeNameOf(host, 5432)).not.toBe(nodeNameOf(host, 5433));
  });
});
