import type { RecordWithTtl, SrvRecord } from 'node:dns';

/** The types of DNS records that name nodes: addresses, or a host and port per node. */
export const DNS_TYPES = ['A', 'AAAA', 'SRV'] as const;
export type DnsType = (typeof DNS_TYPES)[number];

/** The part of a `Resolver` of `node:dns/promises` that is needed. */
export interface DnsResolver {
  resolve4(hostname: string, options: { ttl: true }): Promise<RecordWithTtl[]>;
  resolve6(hostname: string, options: { ttl: true }): Promise<RecordWithTtl[]>;
  resolveSrv(hostname: string): Promise<SrvRecord[]>;
}

export interface DnsNode {
  readonly host: string;
  /** `undefined`: the database's own default. */
  readonly port?: number;
  /** Of an SRV record: its weight as a multiple of the average. */
  readonly weight?: number;
}

export interface DnsQuestion {
  readonly hostname: string;
  readonly type: DnsType;
  /** The port of nodes from `A` and `AAAA` records, which have none. */
  readonly port?: number;
}

/**
 * Looks up the nodes behind a name. `ttlMs` is the shortest time to live of the records, in milliseconds; `undefined`: the
 * resolver does not tell, as with SRV. Rejects like the resolver: `ENOTFOUND`, `ENODATA`, `ETIMEOUT`, ...
 */
export async function lookUp(
  resolver: DnsResolver,
  { hostname, type, port }: DnsQuestion,
): Promise<{ readonly nodes: readonly DnsNode[]; readonly ttlMs: number | undefined }> {
  if (type === 'SRV') return { nodes: nodesOfSrv(await resolver.resolveSrv(hostname)), ttlMs: undefined };
  const records = await (type === 'A'
    ? resolver.resolve4(hostname, { ttl: true })
    : resolver.resolve6(hostname, { ttl: true }));
  const nodes = records.map(({ address }) => ({ host: address, port }));
  return {
    nodes,
    ttlMs: records.length === 0 ? undefined : 1_000 * Math.min(...records.map(({ ttl }) => ttl)),
  };
}

/** A record of weight 0 beside others gets very little, but not nothing (RFC 2782). */
const LEAST_WEIGHT = 0.01;

/** The nodes of the records with the lowest priority number. Other records are a reserve, and our reserve is the primary. */
function nodesOfSrv(all: readonly SrvRecord[]): readonly DnsNode[] {
  // The target "." means that there is no such service.
  const records = all.filter(({ name }) => name !== '' && name !== '.');
  const first = Math.min(...records.map(({ priority }) => priority));
  const used = records.filter(({ priority }) => priority === first);
  const average = used.reduce((sum, { weight }) => sum + weight, 0) / used.length;
  return used.map(({ name, port, weight }) => ({
    host: name,
    port,
    weight: average === 0 ? 1 : Math.max(Math.round((100 * weight) / average) / 100, LEAST_WEIGHT),
  }));
}
