import type { Discovery, DiscoveryResult } from './discovery.js';
import { lookUp, type DnsNode, type DnsQuestion, type DnsResolver } from './dns-lookup.js';
import { askSrvTtl } from './srv-ttl.js';

/** What a {@link DnsDiscovery} works with; durations in milliseconds. */
export interface DnsDiscoverySettings {
  /** It is not asked again sooner, however short the records live. */
  readonly minIntervalMs: number;
  /** Nor later, however long they live. */
  readonly maxIntervalMs: number;
  /** When nobody tells how long they live. */
  readonly unknownTtlMs: number;
  /** A node stays for so long after the last answer that named it. */
  readonly rememberMs: number;
}

/** A resolver, and the servers that it asks where it tells them. */
export interface DnsServers extends DnsResolver {
  getServers?(): string[];
}

/** What a {@link DnsDiscovery} takes from outside. */
export interface DnsSources {
  readonly resolver: DnsServers;
  /** Milliseconds of a monotonic clock. */
  readonly nowMs: () => number;
}

/** So long a server may take to tell the TTL of SRV records; milliseconds. */
const SRV_TTL_TIMEOUT_MS = 1_000;

/** Finds nodes in DNS, and keeps to the time to live of its records. */
export class DnsDiscovery implements Discovery<DnsNode> {
  readonly #question: DnsQuestion;
  readonly #settings: DnsDiscoverySettings;
  readonly #sources: DnsSources;
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

  /** Some names have more nodes than one answer tells: those of the last answers count, too. */
  #remember(nodes: readonly DnsNode[]): readonly DnsNode[] {
    const atMs = this.#sources.nowMs();
    for (const node of nodes) this.#seen.set(node.name, { node, atMs });
    for (const [name, seen] of this.#seen) {
      if (seen.atMs < atMs - this.#settings.rememberMs) this.#seen.delete(name);
    }
    return [...this.#seen.values()].map(({ node }) => node).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }
}
