import { beforeEach, describe, expect, it } from '@jest/globals';
import { DnsDiscovery, type DnsDiscoverySettings } from './dns-discovery.js';

const SETTINGS = { minIntervalMs: 1_000, maxIntervalMs: 60_000, unknownTtlMs: 30_000, rememberMs: 0 };

describe('DnsDiscovery', () => {
  let nowMs: number;
  let answer: { address: string; ttl: number }[];

  beforeEach(() => {
    nowMs = 0;
    answer = [];
  });

  function discovery(settings: Partial<DnsDiscoverySettings> = {}, type: 'A' | 'SRV' = 'A'): DnsDiscovery {
    return new DnsDiscovery(
      { hostname: 'pg', type, port: 5432 },
      { ...SETTINGS, ...settings },
      {
        resolver: {
          resolve4: () => Promise.resolve(answer),
          resolve6: () => Promise.reject(new Error('not asked for')),
          resolveSrv: () => Promise.resolve([{ name: 'a.pg', port: 5432, priority: 0, weight: 0 }]),
        },
        nowMs: () => nowMs,
      },
    );
  }

  it.each([
    ['the time to live', 7, 7_000],
    ['at least minIntervalMs', 0, 1_000],
    ['at most maxIntervalMs', 3_600, 60_000],
  ])('is good for %s', async (_, ttl, validForMs) => {
    answer = [{ address: '10.0.0.5', ttl }];
    expect(await discovery().find()).toMatchObject({ validForMs });
  });

  it('is good for unknownTtlMs when nobody tells the time to live of SRV records', async () => {
    expect(await discovery({}, 'SRV').find()).toMatchObject({
      replicas: [{ host: 'a.pg' }],
      validForMs: 30_000,
    });
  });

  it('forgets a node that the last answer does not name', async () => {
    const dns = discovery();
    answer = [
      { address: '10.0.0.5', ttl: 1 },
      { address: '10.0.0.6', ttl: 1 },
    ];
    expect((await dns.find()).replicas.map(({ host }) => host)).toEqual(['10.0.0.5', '10.0.0.6']);
    nowMs = 1_000;
    answer = [{ address: '10.0.0.6', ttl: 1 }];
    expect((await dns.find()).replicas.map(({ host }) => host)).toEqual(['10.0.0.6']);
  });

  it('collects the nodes of answers that rotate, and forgets one after rememberMs', async () => {
    const dns = discovery({ rememberMs: 10_000 });
    const find = async (atMs: number, address: string): Promise<string[]> => {
      nowMs = atMs;
      answer = [{ address, ttl: 5 }];
      return (await dns.find()).replicas.map(({ host }) => host);
    };
    expect(await find(0, '10.0.0.6')).toEqual(['10.0.0.6']);
    expect(await find(5_000, '10.0.0.5')).toEqual(['10.0.0.5', '10.0.0.6']);
    expect(await find(10_000, '10.0.0.5')).toEqual(['10.0.0.5', '10.0.0.6']);
    expect(await find(10_001, '10.0.0.5')).toEqual(['10.0.0.5']);
  });
});
