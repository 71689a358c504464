import type { NodeProbe } from '../../topology/node-probe.js';
import type { Topology } from '../../topology/topology.js';
import type { NodePool } from '../pools/node-pool.js';
import { PrimaryGate } from './primary-gate.js';
import { FailureDetector } from './failure-detector.js';

/** What a {@link PrimaryKeeper} needs. */
export interface PrimaryKeeperOptions {
  readonly topology: () => Topology;
  readonly pool: (node: string) => NodePool | undefined;
  /** Probes a node again without a pause. */
  readonly probeAgain: (node: string) => void;
  /** Probes all nodes more often for this many milliseconds, until one of them is the primary. */
  readonly hurry: (timeoutMs: number) => void;
  /** How long a statement may wait for a primary, in milliseconds; 0: not at all. */
  readonly waitMs: number;
  /** Milliseconds of a monotonic clock. */
  readonly nowMs: () => number;
  readonly warn: (message: string) => void;
}

/**
 * Knows whether the primary can be reached, and keeps statements from waiting in vain for one that cannot. If the primary falls
 * silent, its reads are cut, so that they run elsewhere. Its transactions and writes go on waiting, since it may only be slow.
 */
export class PrimaryKeeper {
  readonly gate: PrimaryGate;
  readonly #options: PrimaryKeeperOptions;
  readonly #detector: FailureDetector;
  readonly #ending = new AbortController();

  constructor(options: PrimaryKeeperOptions) {
    const { topology, pool, nowMs, waitMs } = options;
    this.#options = options;
    this.#detector = new FailureDetector({
      isPrimary: (node) => topology().primary.name === node,
      answeredMs: (node) => pool(node)?.connections.answeredMs ?? -Infinity,
      answersAnew: async (node, timeoutMs) =>
        (await pool(node)?.access.answersAnew(timeoutMs, this.#ending.signal)) ?? false,
      probeAgain: options.probeAgain,
      changed: (node, isSilent) => this.#silenceChanged(node, isSilent),
      nowMs,
    });
    this.gate = new PrimaryGate({
      primary: () => topology().primary,
      probes: this.#detector,
      hurry: options.hurry,
      waitMs,
      nowMs,
      epochMs: Date.now,
    });
  }

  /** Wraps the probe of a node to listen to its results. */
  overhear(node: string, probe: NodeProbe): NodeProbe {
    return this.#detector.overhear(node, probe);
  }

  /** The monitor lost the primary, found it again, or found another one. */
  changed(): void {
    this.gate.changed();
  }

  /** Tells whoever waits for the primary that it is in vain. */
  end(): void {
    this.#ending.abort();
    this.gate.end();
  }

  #silenceChanged(node: string, isSilent: boolean): void {
    const { topology, pool, warn } = this.#options;
    if (isSilent && topology().primary.name === node) {
      warn(`${node} answers neither probes nor statements: statements that need it fail until it does`);
      pool(node)?.interruptReads('it answers nobody');
    }
    this.gate.changed();
  }
}
