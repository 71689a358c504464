import type {
  NodeProbe,
  ProbeResult,
  ServerIdentity,
} from '../../../libs/replica/src/topology/node-probe.js';

let starts = 0;

/** A server of the cluster `ours` that has been running for an hour, unless it is told otherwise; no other is like it. */
export function serverIdentity(changes: Partial<ServerIdentity> = {}): ServerIdentity {
  const startedAt = changes.startedAt ?? `start-${++starts}`;
  return {
    system: 'ours',
    startedAt,
    incarnation: startedAt,
    uptimeMs: 3_600_000,
    ownAddress: undefined,
    ...changes,
  };
}

/** A probe that answers as it is told to. */
export class ScriptedProbe implements NodeProbe {
  answer: () => Promise<ProbeResult>;
  /** The server that answers, where {@link answer} does not name another one. */
  identity = serverIdentity();
  probes = 0;
  reconnects = 0;
  isClosed = false;

  constructor(isReadOnly: boolean, position: bigint) {
    this.answer = () => Promise.resolve({ isReadOnly, position, epoch: isReadOnly ? undefined : 1 });
  }

  async probe(): Promise<ProbeResult> {
    this.probes++;
    const { identity } = this;
    return { identity, ...(await this.answer()) };
  }

  reconnect(): void {
    this.reconnects++;
  }

  close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }

  /** From now on it is there; `epoch`: on which it writes. */
  at(position: bigint | undefined, isReadOnly: boolean, epoch = 1): void {
    this.answer = () => Promise.resolve({ isReadOnly, position, epoch: isReadOnly ? undefined : epoch });
  }

  /** From now on it is a standby that is there and receives this epoch, from the server of that address. */
  follows(position: bigint, epoch: number, sender?: string): void {
    this.answer = () => Promise.resolve({ isReadOnly: true, position, epoch, isStreaming: true, sender });
  }

  /** From now on another server answers, or another run of it. */
  becomes(changes: Partial<ServerIdentity> = {}): void {
    this.identity = serverIdentity(changes);
  }

  /** From now on it does not answer. */
  fail(problem = 'gone'): void {
    this.answer = () => Promise.reject(new Error(problem));
  }
}
