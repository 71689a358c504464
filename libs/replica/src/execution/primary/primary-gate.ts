import { ConditionWaiters } from '../../topology/condition-waiters.js';
import type { TopologyMonitor } from '../../topology/topology-monitor.js';
import { PrimaryUnavailableError } from '../../errors/primary-unavailable.error.js';
import type { FailureDetector } from './failure-detector.js';

interface PrimaryGateOptions {
  /** Knows the current primary, and looks for one more often while a statement waits for it. */
  readonly monitor: Pick<TopologyMonitor, 'topology' | 'waitForPrimary'>;
  readonly probes: Pick<FailureDetector, 'isSilent' | 'isStandby' | 'hasFailed'>;
  /** How long a statement may wait for a primary, in milliseconds; 0: not at all. */
  readonly waitMs: number;
  readonly nowMs: () => number;
}

/** After a statement and a probe have both failed to connect, other statements do not try for this long; milliseconds. */
const REFUSED_MS = 100;

/**
 * Guards the primary. While the primary is known to be away, statements that need it do not run into time-outs, and may wait
 * until there is one again.
 *
 * Two signals are required to close the gate, so that a faulty monitor alone cannot block writes: a failed probe, and a statement
 * that got no connection a moment ago. Alternatively the node is silent, which means that it answers neither probes nor
 * statements nor a new connection. The node's own word that it is a standby also closes the gate.
 */
export class PrimaryGate {
  readonly #options: PrimaryGateOptions;
  readonly #waiters = new ConditionWaiters();
  #refused: { readonly node: string; readonly atMs: number; readonly error: unknown } | undefined;
  #since: Date | undefined;
  #isEnded = false;
  /** Counts the events that whoever waits should look at. */
  #news = 0;

  constructor(options: PrimaryGateOptions) {
    this.#options = options;
  }

  /** Whether the primary is known to be away, so that there is no point in trying. */
  get isClosed(): boolean {
    const { monitor, probes, nowMs } = this.#options;
    const { name } = monitor.topology.primary;
    if (probes.isSilent(name) || probes.isStandby(name)) return true;
    const refused = this.#refused;
    return refused?.node === name && nowMs() - refused.atMs < REFUSED_MS && probes.hasFailed(name);
  }

  /** A statement could not connect to the primary. */
  refused(node: string, error: unknown): void {
    this.#since ??= new Date();
    this.#refused = { node, atMs: this.#options.nowMs(), error };
  }

  /**
   * Resolves as soon as the primary may be tried (again), whichever node that is by then. Rejects with a
   * `PrimaryUnavailableError` if that takes longer than a statement may wait, counted from `sinceMs`.
   */
  async opens(sinceMs: number): Promise<void> {
    const { waitMs, nowMs, monitor } = this.#options;
    const untilMs = sinceMs + waitMs;
    if (untilMs > nowMs()) void monitor.waitForPrimary(untilMs - nowMs());
    for (;;) {
      const leftMs = untilMs - nowMs();
      if (leftMs <= 0 || this.#isEnded) throw this.#unavailable(waitMs === 0 ? 0 : nowMs() - sinceMs);
      const news = this.#news;
      await this.#waiters.until(() => this.#news !== news, Math.min(REFUSED_MS, leftMs));
      if (!this.isClosed && !this.#isEnded) return;
    }
  }

  /** The monitor lost the primary, found it again, or found another one. Or a node fell silent, or is heard again. */
  changed(): void {
    if (this.#options.monitor.topology.primary.health === 'down') this.#since ??= new Date();
    else {
      this.#since = undefined;
      this.#refused = undefined;
    }
    this.#news++;
    this.#waiters.check();
  }

  /** Tells whoever waits that it is in vain. */
  end(): void {
    this.#isEnded = true;
    this.#news++;
    this.#waiters.check();
  }

  #unavailable(waitedMs: number): PrimaryUnavailableError {
    const { name, address, problem } = this.#options.monitor.topology.primary;
    const refusal = this.#refused?.node === name ? this.#refused.error : undefined;
    // Once it has said that it is a standby, nobody asks it for connections any more.
    const isToldByMonitor = refusal === undefined || this.#options.probes.isStandby(name);
    const cause = isToldByMonitor ? new Error(problem ?? 'it does not answer') : refusal;
    const since = this.#since ?? new Date();
    return new PrimaryUnavailableError({ node: name, address, since, waitedMs }, cause);
  }
}
