import type { ServerIdentity } from '../node-probe.js';

/** A server that was seen behind an endpoint. */
export interface SeenServer {
  readonly key: string;
  readonly identity: ServerIdentity;
  /** It refuses writes, because it follows another one. */
  readonly isReadOnly: boolean;
}

interface KnownServer {
  readonly server: SeenServer;
  seenMs: number;
}

/** How long a server stays after it was last seen; milliseconds. */
const KEPT_MS = 30_000;
/** The most servers behind one endpoint. */
const MAX_SERVERS = 64;

/** Remembers which servers answer behind one endpoint. A node that does not answer serves nobody, so there is no hurry to forget it. */
export class ServersBehind {
  readonly #nowMs: () => number;
  readonly #servers = new Map<string, KnownServer>();

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** A connection or a probe has reached this server. One that accepts writes is the primary, or none of ours, unless it was known before. */
  saw(server: SeenServer): void {
    const seenMs = this.#nowMs();
    const known = this.#servers.get(server.key);
    if (known !== undefined) known.seenMs = seenMs;
    else if (server.isReadOnly && this.#servers.size < MAX_SERVERS)
      this.#servers.set(server.key, { server, seenMs });
  }

  /** The servers that were seen lately, except the primary. */
  list(primary: ServerIdentity | undefined): readonly SeenServer[] {
    const sinceMs = this.#nowMs() - KEPT_MS;
    for (const [key, { seenMs, server }] of this.#servers)
      if (seenMs < sinceMs || server.identity.startedAt === primary?.startedAt) this.#servers.delete(key);
    return Array.from(this.#servers.values(), ({ server }) => server);
  }

  get size(): number {
    return this.#servers.size;
  }
}
