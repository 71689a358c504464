import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Resolver } from 'node:dns/promises';
import { DnsDiscovery } from '../../../libs/replica/src/topology/discovery/dns-discovery.js';
import type { DnsType } from '../../../libs/replica/src/topology/discovery/dns-lookup.js';
import { DnsServer } from '../../support/dns-server.js';

const SETTINGS = { minIntervalMs: 0, maxIntervalMs: 3_600_000, unknownTtlMs: 30_000, rememberMs: 0 };

describe('DnsDiscovery, asking a DNS server', () => {
  let dns: DnsServer;

  beforeEach(async () => {
    dns = await DnsServer.start();
  });

  afterEach(() => dns.close());

  function discovery(hostname: string, type: DnsType, servers = [dns.address]): DnsDiscovery {
    const resolver = new Resolver({ timeout: 300, tries: 1 });
    resolver.setServers(servers);
    return new DnsDiscovery({ hostname, type, port: 5432 }, SETTINGS, {
      resolver,
      nowMs: () => performance.now(),
    });
  }

  it('takes addresses and their time to live from A records', async () => {
    dns.set('A', 'pg.test', { ttl: 7, values: ['10.0.0.5', '10.0.0.6'] });
    expect(await discovery('pg.test', 'A').find()).toEqual({
      replicas: [
        { host: '10.0.0.5', port: 5432 },
        { host: '10.0.0.6', port: 5432 },
      ],
      validForMs: 7_000,
    });
  });

  it('takes addresses and their time to live from AAAA records', async () => {
    dns.set('AAAA', 'pg.test', { ttl: 9, values: ['fd000000000000000000000000000005'] });
    expect(await discovery('pg.test', 'AAAA').find()).toEqual({
      replicas: [{ host: 'fd00::5', port: 5432 }],
      validForMs: 9_000,
    });
  });

  it('takes targets, ports and the time to live from SRV records', async () => {
    dns.set('SRV', '_pg._tcp.test', { ttl: 11, values: ['0 50 5433 b.pg.test', '0 50 5432 a.pg.test'] });
    expect(await discovery('_pg._tcp.test', 'SRV').find()).toEqual({
      replicas: [
        { host: 'a.pg.test', port: 5432, weight: 1 },
        { host: 'b.pg.test', port: 5433, weight: 1 },
      ],
      validForMs: 11_000,
    });
  });

  it('reads the time to live of SRV records also from a name that ends in a dot', async () => {
    dns.set('SRV', '_pg._tcp.test', { ttl: 12, values: ['0 0 5432 a.pg.test'] });
    expect(await discovery('_pg._tcp.test.', 'SRV').find()).toMatchObject({ validForMs: 12_000 });
  });

  it('asks the next server for the time to live of SRV records when one does not answer', async () => {
    const silent = await DnsServer.start();
    silent.isAnswering = false;
    try {
      dns.set('SRV', '_pg._tcp.test', { ttl: 13, values: ['0 0 5432 a.pg.test'] });
      const found = await discovery('_pg._tcp.test', 'SRV', [silent.address, dns.address]).find();
      expect(found).toMatchObject({ replicas: [{ host: 'a.pg.test' }], validForMs: 13_000 });
    } finally {
      await silent.close();
    }
  });

  it('rejects when the name does not exist, or has no such records', async () => {
    await expect(discovery('gone.test', 'A').find()).rejects.toThrow('ENOTFOUND');
    dns.set('A', 'empty.test', { ttl: 1, values: [] });
    await expect(discovery('empty.test', 'A').find()).rejects.toThrow('ENODATA');
  });

  it('rejects when no server answers', async () => {
    dns.isAnswering = false;
    await expect(discovery('pg.test', 'A').find()).rejects.toThrow('ETIMEOUT');
  });
});
