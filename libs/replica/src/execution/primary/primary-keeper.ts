import type { NodeProbe } from '../../topology/node-probe.js';
import type { TopologyMonitor } from '../../topology/topology-monitor.js';
import type { NodePool } from '../pools/node-pool.js';
import { PrimaryGate } from './primary-gate.js';
import { FailureDetector } from './failure-detector.js';

interface PrimaryKeeperOptions {
  readonly monitor: TopologyMonitor;
  readonly pools: ReadonlyMap<string, NodePool>;
  readonly waitMs: number;
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
    const { monitor, pools, nowMs, waitMs } = options;
    this.#options = options;
    this.#detector = new FailureDetector({
      isPrimary: (node) => monitor.topology.primary.name === node,
      answeredMs: (node) => pools.get(node)?.connections.answeredMs ?? -Infinity,
      answersAnew: async (node, timeoutMs) =>
        (await pools.get(node)?.access.answersAnew(timeoutMs, this.#ending.signal)) ?? false,
      probeAgain: (node) => monitor.doubt(node),
      changed: (node, isSilent) => this.#silenceChanged(node, isSilent),
      nowMs,
    });
    this.gate = new PrimaryGate({ monitor, probes: this.#detector, waitMs, nowMs });
  }

  overhear(node: string, probe: NodeProbe): NodeProbe {
    return this.#detector.overhear(node, probe);
  }

  changed(): void {
    this.gate.changed();
  }

  end(): void {
    this.#ending.abort();
    this.gate.end();
  }

  #silenceChanged(node: string, isSilent: boolean): void {
    const { monitor, pools, warn } = this.#options;
    if (isSilent && monitor.topology.primary.name === node) {
      warn(`${node} answers neither probes nor statements: statements that need it fail until it does`);
      pools.get(node)?.interruptReads('it answers nobody');
    }
    this.gate.changed();
  }
}
