import type { NodeProbe, ProbeResult } from '../../../libs/replica/src/topology/node-probe.js';

/** A probe that answers as it is told to. */
export class ScriptedProbe implements NodeProbe {
  answer: () => Promise<ProbeResult>;
  probes = 0;
  reconnects = 0;
  isClosed = false;

  constructor(inRecovery: boolean, position: bigint) {
    this.answer = () => Promise.resolve({ inRecovery, position, timeline: inRecovery ? undefined : 1 });
  }

  probe(): Promise<ProbeResult> {
    this.probes++;
    return this.answer();
  }

  reconnect(): void {
    this.reconnects++;
  }

  close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }

  /** From now on it is there; `timeline`: on which it writes. */
  at(position: bigint | undefined, inRecovery: boolean, timeline = 1): void {
    this.answer = () =>
      Promise.resolve({ inRecovery, position, timeline: inRecovery ? undefined : timeline });
  }

  /** From now on it is a standby that is there and receives this timeline. */
  follows(position: bigint, timeline: number): void {
    this.answer = () => Promise.resolve({ inRecovery: true, position, timeline, receiver: 'streaming' });
  }

  /** From now on it does not answer. */
  fail(problem = 'gone'): void {
    this.answer = () => Promise.reject(new Error(problem));
  }
}
