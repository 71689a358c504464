import { describe, expect, it } from '@jest/globals';
import { lookUp, type DnsResolver } from './dns-lookup.js';

const resolver: DnsResolver = {
  resolve4: () =>
    Promise.resolve([
      { address: '10.0.0.5', ttl: 30 },
      { address: '10.0.0.6', ttl: 12 },
    ]),
  resolve6: () => Promise.resolve([{ address: 'fd00::5', ttl: 60 }]),
  resolveSrv: () => Promise.reject(new Error('not asked for')),
};

function srv(name: string, weight: number, { port = 5432, priority = 0 } = {}) {
  return { name, weight, port, priority };
}

function weightsOf(...records: ReturnType<typeof srv>[]): Promise<(readonly [string, number | undefined])[]> {
  const answering = { ...resolver, resolveSrv: () => Promise.resolve(records) };
  return lookUp(answering, { hostname: '_pg._tcp.shop', type: 'SRV', port: 1 }).then(({ nodes }) =>
    nodes.map(({ host, weight }) => [host, weight] as const),
  );
}

describe('lookUp', () => {
  it('finds a node at each IPv4 address, for as long as the first record lives', async () => {
    expect(await lookUp(resolver, { hostname: 'pg', type: 'A', port: 5433 })).toEqual({
      nodes: [
        { host: '10.0.0.5', port: 5433 },
        { host: '10.0.0.6', port: 5433 },
      ],
      ttlMs: 12_000,
    });
  });

  it('finds a node at each IPv6 address', async () => {
    expect(await lookUp(resolver, { hostname: 'pg', type: 'AAAA', port: 5432 })).toEqual({
      nodes: [{ host: 'fd00::5', port: 5432 }],
      ttlMs: 60_000,
    });
  });

  it('finds target and port of SRV records', async () => {
    const records = [srv('a.pg', 0, { port: 6000 }), srv('b.pg', 0)];
    const answering = { ...resolver, resolveSrv: () => Promise.resolve(records) };
    expect(await lookUp(answering, { hostname: '_pg._tcp.shop', type: 'SRV', port: 1 })).toEqual({
      nodes: [
        { host: 'a.pg', port: 6000, weight: 1 },
        { host: 'b.pg', port: 5432, weight: 1 },
      ],
      ttlMs: undefined,
    });
  });

  it('takes weights of SRV records by their average, so that they stay when one of equals goes', async () => {
    expect(await weightsOf(srv('a', 33), srv('b', 33), srv('c', 33))).toEqual([
      ['a', 1],
      ['b', 1],
      ['c', 1],
    ]);
    expect(await weightsOf(srv('a', 50), srv('b', 50))).toEqual([
      ['a', 1],
      ['b', 1],
    ]);
    expect(await weightsOf(srv('a', 30), srv('b', 10))).toEqual([
      ['a', 1.5],
      ['b', 0.5],
    ]);
  });

  it('gives a SRV record of weight 0 beside others little, but not nothing', async () => {
    expect(await weightsOf(srv('a', 10), srv('b', 0))).toEqual([
      ['a', 2],
      ['b', 0.01],
    ]);
  });

  it('uses the SRV records with the lowest priority number only', async () => {
    expect(await weightsOf(srv('reserve', 5, { priority: 20 }), srv('a', 5, { priority: 10 }))).toEqual([
      ['a', 1],
    ]);
  });

  it('takes the SRV target "." for what it says: there is no such service', async () => {
    expect(await weightsOf(srv('', 0))).toEqual([]);
    expect(await weightsOf(srv('.', 0))).toEqual([]);
  });
});
