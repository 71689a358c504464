import type { Discovery, DiscoveryResult } from './discovery-loop.js';
import { lookUp, type DnsNode, type DnsQuestion, type DnsResolver } from './dns-lookup.js';
import { askSrvTtl } from './srv-ttl.js';

export interface DnsDiscoverySettings {
  /** The shortest time between two questions, however short the records live. */
  readonly minIntervalMs: number;
  /** The longest time between two questions, however long the records live. */
  readonly maxIntervalMs: number;
  /** The time between two questions if nobody tells how long the records live. */
  readonly unknownTtlMs: number;
  /** How long a node stays after the last answer that named it. */
  readonly rememberMs: number;
}

/** A resolver that may tell which servers it asks. */
export interface DnsServers extends DnsResolver {
  getServers?(): string[];
}

interface DnsSources {
  readonly resolver: DnsServers;
  readonly nowMs: () => number;
}

/** How long a server may take to tell the TTL of SRV records; milliseconds. */
const SRV_TTL_TIMEOUT_MS = 1_000;

/** Finds nodes in DNS, and respects the time to live of its records. */
export class DnsDiscovery implements Discovery<DnsNode> {
  readonly #question: DnsQuestion;
  readonly #settings: DnsDiscoverySettings;
  readonly #sources: DnsSources;
  /** By address. */
  readonly #seen = new Map<string, { readonly node: DnsNode; readonly atMs: number }>();

  constructor(question: DnsQuestion, settings: DnsDiscoverySettings, sources: DnsSources) {
    this.#question = question;
    this.#settings = settings;
    this.#sources = sources;
  }

  async find(): Promise<DiscoveryResult<DnsNode>> {
    const { resolver } = this.#sources;
    const { minIntervalMs, maxIntervalMs, unknownTtlMs } = this.#settings;
    const [{ nodes, ttlMs }, srvTtlMs] = await Promise.all([
      lookUp(resolver, this.#question),
      this.#question.type === 'SRV' ? this.#askSrvTtl() : undefined,
    ]);
    const knownMs = ttlMs ?? srvTtlMs ?? unknownTtlMs;
    return {
      replicas: this.#remember(nodes),
      validForMs: Math.min(Math.max(knownMs, minIntervalMs), maxIntervalMs),
    };
  }

  async #askSrvTtl(): Promise<number | undefined> {
    for (const server of this.#sources.resolver.getServers?.() ?? []) {
      const ttlMs = await askSrvTtl(server, this.#question.hostname, SRV_TTL_TIMEOUT_MS);
      if (ttlMs !== undefined) return ttlMs;
    }
    return undefined;
  }

  /** Adds the nodes of recent answers, because some names have more nodes than fit into one answer. */
  #remember(nodes: readonly DnsNode[]): readonly DnsNode[] {
    const atMs = this.#sources.nowMs();
    for (const node of nodes) this.#seen.set(`${node.host}:${node.port}`, { node, atMs });
    for (const [address, seen] of this.#seen) {
      if (seen.atMs < atMs - this.#settings.rememberMs) this.#seen.delete(address);
    }
    const sorted = [...this.#seen].toSorted(([a], [b]) => (a < b ? -1 : 1));
    return sorted.map(([, { node }]) => node);
  }
}
