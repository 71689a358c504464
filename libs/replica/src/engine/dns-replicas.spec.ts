import { describe, expect, it } from '@jest/globals';
import { dnsReplicas, type DnsReplicasOptions } from './dns-replicas.js';

const RESOLVER = {
  resolve4: () => Promise.resolve([{ address: '10.0.0.5', ttl: 5 }]),
  resolve6: () => Promise.resolve([{ address: 'fd00::5', ttl: 5 }]),
  resolveSrv: () => Promise.resolve([{ name: 'a.pg', port: 6000, priority: 0, weight: 7 }]),
};

describe('dnsReplicas', () => {
  it('finds nodes at addresses, whose certificate has to be for the name', async () => {
    const found = await dnsReplicas({ hostname: 'pg.internal', port: 6000, resolver: RESOLVER }).find();
    expect(found).toEqual({
      replicas: [{ host: '10.0.0.5', port: 6000, servername: 'pg.internal' }],
      validForMs: 5_000,
    });
  });

  it('gives nodes what they have in common', async () => {
    const node = { servername: '*.pg.internal', region: 'eu', ssl: { ca: 'x' }, weight: 3 };
    const { replicas } = await dnsReplicas({
      hostname: 'pg.internal',
      type: 'AAAA',
      resolver: RESOLVER,
      node,
    }).find();
    expect(replicas).toEqual([{ host: 'fd00::5', ...node }]);
  });

  it('finds targets, ports and weights of SRV records, whose certificate is for the target', async () => {
    const options: DnsReplicasOptions = { hostname: '_pg._tcp.x', type: 'SRV', resolver: RESOLVER };
    expect(await dnsReplicas(options).find()).toEqual({
      replicas: [{ host: 'a.pg', port: 6000, weight: 1 }],
      validForMs: 30_000,
    });
    const { replicas } = await dnsReplicas({ ...options, node: { weight: 3 } }).find();
    expect(replicas[0]).toMatchObject({ weight: 3 });
  });

  it('says all that is wrong with its options', () => {
    const options = {
      type: 'CNAME',
      port: 0,
      minIntervalMs: 5_000,
      maxIntervalMs: 1_000,
      servers: ['10.0.0.2', 'dns.internal'],
      node: { regoin: 'eu' },
      intervalMs: 1,
    };
    expect(dnsReplicas(options as never).problems).toEqual([
      'intervalMs is not an option',
      'hostname must be a text, not an empty one',
      "type must be one of 'A', 'AAAA', 'SRV', not a text",
      'port must be a whole number of at least 1, not 0',
      'maxIntervalMs must be a number of at least 5000, not 1000',
      'node.regoin is not an option; did you mean region?',
      'servers must be addresses such as 10.0.0.2 or 10.0.0.2:5353, not a text',
    ]);
    expect(dnsReplicas(undefined as never).problems).toEqual([
      'the options must be an object, not undefined',
    ]);
    expect(dnsReplicas({ hostname: 'x', type: 'SRV', port: 1 }).problems).toEqual([
      'port is what SRV records tell: leave it out',
    ]);
  });
});
