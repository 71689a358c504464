import { watchedNode } from '../engine/node-probes.js';
import type { NodeProbe } from '../topology/node-probe.js';
import { TopologyMonitor } from '../topology/topology-monitor.js';
import type { NodeSnapshot } from '../topology/topology.js';
import type { Source } from './source.js';

interface WatchSettings {
  /** The time between two probes of a node; milliseconds. */
  readonly intervalMs: number;
  /** A probe that takes longer has failed; milliseconds. */
  readonly timeoutMs: number;
}

/** How often to look whether what is waited for has come; milliseconds. */
const LOOK_MS = 10;

/** Watches the nodes with the monitor of the library, so what a command tells of them is what the router would think of them. */
export class WatchedNodes {
  readonly monitor: TopologyMonitor;
  readonly #timeoutMs: number;

  constructor({ options, database, primary, replicas }: Source, { intervalMs, timeoutMs }: WatchSettings) {
    const { monitor, maxLagMs, warnLagMs, session } = options;
    const first = new FirstProbe(database.createProbe(primary, monitor.probe));
    this.#timeoutMs = timeoutMs;
    this.monitor = new TopologyMonitor(
      [
        watchedNode(primary, 'primary', first.probe),
        ...replicas.map((node) =>
          watchedNode(node, 'replica', first.before(database.createProbe(node, monitor.probe))),
        ),
      ],
      {
        ...monitor,
        intervalMs,
        maxIntervalMs: intervalMs,
        probeTimeoutMs: timeoutMs,
        maxLagMs,
        warnLagMs,
        homesKeptMs: session.ttlMs,
        terms: database.terms,
      },
      { nowMs: () => performance.now(), random: Math.random },
    );
  }

  /** The primary, then the replicas, as they are known now. */
  get nodes(): readonly NodeSnapshot[] {
    const { primary, replicas } = this.monitor.topology;
    return [primary, ...replicas];
  }

  /** Begins to watch. Resolves when something is known of each node, be it that it does not answer. */
  async start(): Promise<void> {
    this.monitor.start();
    // The replicas are asked after the primary.
    const deadlineMs = performance.now() + 2 * this.#timeoutMs + 1_000;
    while (this.nodes.some(({ health }) => health === 'unknown') && performance.now() < deadlineMs)
      await pause(LOOK_MS);
    // The first question took the time to connect as well.
    const up = this.nodes.filter(({ health }) => health === 'up');
    await Promise.all(up.map(({ name }) => this.monitor.capturePosition(name).catch(() => undefined)));
  }

  /** Waits up to `timeoutMs` until each replica that is up has replayed what the primary has now: then the lag of each is known. */
  async measureLag(timeoutMs: number): Promise<void> {
    const { primary, replicas } = this.monitor.topology;
    const { position } = primary;
    if (primary.health !== 'up' || position === undefined) return;
    const waited = replicas.filter(({ health }) => health === 'up');
    await Promise.all(waited.map(({ name }) => this.monitor.waitForReplica(position, timeoutMs, name)));
  }

  stop(): Promise<void> {
    return this.monitor.stop();
  }
}

/** Lets replicas be asked after the primary: before that answers, nobody knows whether they follow it. */
class FirstProbe {
  readonly probe: NodeProbe;
  readonly #asked: Promise<void>;

  constructor(probe: NodeProbe) {
    let tell: (() => void) | undefined;
    this.#asked = new Promise((resolve) => (tell = resolve));
    this.probe = {
      ...forwardTo(probe),
      probe: (timeoutMs) => probe.probe(timeoutMs).finally(tell),
    };
  }

  before(probe: NodeProbe): NodeProbe {
    return {
      ...forwardTo(probe),
      probe: async (timeoutMs) => {
        await this.#asked;
        return probe.probe(timeoutMs);
      },
    };
  }
}

function forwardTo(probe: NodeProbe): NodeProbe {
  return {
    probe: (timeoutMs) => probe.probe(timeoutMs),
    reaches: (position, timeoutMs) => probe.reaches?.(position, timeoutMs) ?? Promise.resolve(false),
    reconnect: () => probe.reconnect(),
    close: () => probe.close(),
  };
}

/** Resolves after this time, or when `signal` aborts. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end, { once: true });
  });
}
