import { ConditionWaiters } from '../../topology/condition-waiters.js';
import type { NodeSnapshot } from '../../topology/topology.js';
import { PrimaryUnavailableError } from '../../errors/primary-unavailable.error.js';
import type { FailureDetector } from './failure-detector.js';

/** What a {@link PrimaryGate} works with. */
export interface PrimaryGateOptions {
  /** The primary as it is known now. */
  readonly primary: () => NodeSnapshot;
  /** What the probes say of a node. */
  readonly probes: Pick<FailureDetector, 'isSilent' | 'isStandby' | 'hasFailed'>;
  /** Has the monitor look for a primary more often for so many milliseconds: a statement waits for it. */
  readonly hurry: (timeoutMs: number) => void;
  /** How long a statement may wait for a primary; milliseconds, 0 is not at all. */
  readonly waitMs: number;
  /** Milliseconds of a monotonic clock. */
  readonly nowMs: () => number;
  /** Milliseconds since the epoch. */
  readonly epochMs: () => number;
}

/** So long after a statement got no connection, and a probe none either, the others do not try: milliseconds. */
const REFUSED_MS = 100;

/**
 * Stands before the primary: statements that need it do not wait for time-outs while it is known to be away, and may wait
 * until there is one again.
 *
 * It takes two to close it, that the monitor alone cannot stop the writes: a failed probe and a statement that got no connection a
 * moment ago, or the silence of a node that answers neither probes nor statements nor a new connection. Or the node's own word
 * that it is a standby.
 */
export class PrimaryGate {
  readonly #options: PrimaryGateOptions;
  readonly #waiters = new ConditionWaiters();
  #refused: { readonly node: string; readonly atMs: number; readonly error: unknown } | undefined;
  #since: Date | undefined;
  #isEnded = false;
  /** Counts what whoever waits should look at. */
  #news = 0;

  constructor(options: PrimaryGateOptions) {
    this.#options = options;
  }

  /** The primary is known to be away: nothing needs to be tried. */
  get isClosed(): boolean {
    const { primary, probes, nowMs } = this.#options;
    const { name } = primary();
    if (probes.isSilent(name) || probes.isStandby(name)) return true;
    const refused = this.#refused;
    return refused?.node === name && nowMs() - refused.atMs < REFUSED_MS && probes.hasFailed(name);
  }

  /** A statement got no connection to the primary. */
  refused(node: string, error: unknown): void {
    this.#since ??= new Date(this.#options.epochMs());
    this.#refused = { node, atMs: this.#options.nowMs(), error };
  }

  /**
   * Resolves as soon as the primary, whichever it is then, may be tried (again); rejects with a `PrimaryUnavailableError` when it
   * may not be for as long as a statement may wait, counted from `sinceMs`.
   */
  async opens(sinceMs: number): Promise<void> {
    const { waitMs, nowMs, hurry } = this.#options;
    const untilMs = sinceMs + waitMs;
    if (untilMs > nowMs()) hurry(untilMs - nowMs());
    for (;;) {
      const leftMs = untilMs - nowMs();
      if (leftMs <= 0 || this.#isEnded) throw this.#unavailable(waitMs === 0 ? 0 : nowMs() - sinceMs);
      const news = this.#news;
      await this.#waiters.until(() => this.#news !== news, Math.min(REFUSED_MS, leftMs));
      if (!this.isClosed && !this.#isEnded) return;
    }
  }

  /** The monitor lost the primary, found it again, or found another one; or a node is silent, or no longer. */
  changed(): void {
    const { primary, epochMs } = this.#options;
    if (primary().health === 'down') this.#since ??= new Date(epochMs());
    else {
      this.#since = undefined;
      this.#refused = undefined;
    }
    this.#news++;
    this.#waiters.check();
  }

  /** Whoever waits learns that it is in vain. */
  end(): void {
    this.#isEnded = true;
    this.#news++;
    this.#waiters.check();
  }

  #unavailable(waitedMs: number): PrimaryUnavailableError {
    const { primary, epochMs } = this.#options;
    const { name, address, problem } = primary();
    const cause =
      this.#refused?.node === name ? this.#refused.error : new Error(problem ?? 'it does not answer');
    const since = this.#since ?? new Date(epochMs());
    return new PrimaryUnavailableError({ node: name, address, since, waitedMs }, cause);
  }
}
