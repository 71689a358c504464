import { jest } from '@jest/globals';
import { POSTGRES_TERMS } from '../../../libs/replica/src/postgres/terms.js';
import type { MonitorSettings, MonitorSources } from '../../../libs/replica/src/topology/monitor-settings.js';
import { TopologyMonitor } from '../../../libs/replica/src/topology/topology-monitor.js';
import type { NodeSnapshot } from '../../../libs/replica/src/topology/topology.js';
import type { WatchedNode } from '../../../libs/replica/src/topology/node-probe.js';
import { ScriptedProbe } from './scripted-probe.js';

const SETTINGS: MonitorSettings = {
  intervalMs: 1_000,
  probeTimeoutMs: 500,
  catchUpIntervalMs: 20,
  suspectIntervalMs: 100,
  maxIntervalMs: 8_000,
  flapWindowMs: 30_000,
  warnLagMs: 5_000,
  maxLagMs: 10_000,
  homesKeptMs: 30_000,
  terms: POSTGRES_TERMS,
};

/**
 * A monitor over a primary and replicas (named `replica-1`, ...) that answer as they are told to, all at position 100. Needs
 * jest's fake timers.
 */
export class WatchedCluster {
  readonly monitor: TopologyMonitor;
  readonly primary = new ScriptedProbe(false, 100n);
  readonly replicas: readonly ScriptedProbe[];

  constructor(
    replicaCount: number,
    settings: Partial<MonitorSettings> = {},
    sources: Partial<MonitorSources> = {},
  ) {
    this.replicas = Array.from({ length: replicaCount }, () => new ScriptedProbe(true, 100n));
    this.monitor = new TopologyMonitor(
      [
        { name: 'primary', role: 'primary', address: 'primary:5432', weight: 1, probe: this.primary },
        ...this.replicas.map((probe, index) => replicaNode(`replica-${index + 1}`, probe)),
      ],
      { ...SETTINGS, ...settings },
      { nowMs: () => performance.now(), random: () => 0.5, ...sources },
    );
  }

  async start(): Promise<void> {
    this.monitor.start();
    await jest.advanceTimersByTimeAsync(0);
  }

  async stop(): Promise<void> {
    const stopped = this.monitor.stop();
    await jest.advanceTimersByTimeAsync(0);
    await stopped;
  }

  /** What the monitor knows of a node. */
  node(name: string): NodeSnapshot {
    const { primary, replicas } = this.monitor.topology;
    const node = [primary, ...replicas].find((one) => one.name === name);
    if (node === undefined) throw new RangeError(`there is no node named ${name}`);
    return node;
  }

  get replicaNames(): readonly string[] {
    return this.monitor.topology.replicas.map(({ name }) => name);
  }
}

/** A replica to watch, at `<name>:5432`. */
export function replicaNode(
  name: string,
  probe = new ScriptedProbe(true, 100n),
  others: Partial<WatchedNode> = {},
): WatchedNode {
  return { name, role: 'replica', address: `${name}:5432`, weight: 1, probe, ...others };
}
