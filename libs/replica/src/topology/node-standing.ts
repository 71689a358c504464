import type { MonitorSettings, MonitorSources } from './monitor-settings.js';

/**
 * Decides when a replica that answers again may serve again. The first time it may serve at once. If it goes down again within
 * `flapWindowMs` after its return, it first has to pass a trial: it must answer every probe for a while, twice as long each
 * time. During a trial only probes go there.
 */
export class NodeStanding {
  readonly #settings: Pick<MonitorSettings, 'intervalMs' | 'flapWindowMs'>;
  readonly #sources: MonitorSources;
  /** How often in a row it went down soon after its return. */
  #falls = 0;
  #returnedMs: number | undefined;
  /** When it last went down or came back; milliseconds of the monotonic clock. */
  #changedMs = -Infinity;
  /** Whether it went down because it failed, and not because histories parted. */
  #hasFailed = false;
  #trialEndsMs: number | undefined;

  constructor(settings: Pick<MonitorSettings, 'intervalMs' | 'flapWindowMs'>, sources: MonitorSources) {
    this.#settings = settings;
    this.#sources = sources;
  }

  /** Why it does not serve yet although it answers. `trialMs`: see {@link trialMs}. */
  describeTrial(trialMs: number): string {
    return (
      `it answers again, but went down ${this.#falls + 1} times, each soon after the other: it serves when it has answered ` +
      `without fail for ${Math.ceil(trialMs)} ms more`
    );
  }

  /** Whether the result of something that began at `sinceMs` is from before the replica last went down or came back. */
  isOutdated(sinceMs: number): boolean {
    return sinceMs < this.#changedMs;
  }

  wentDown(): void {
    const nowMs = this.#sources.nowMs();
    const isSoon = this.#returnedMs !== undefined && nowMs - this.#returnedMs < this.#settings.flapWindowMs;
    this.#falls = isSoon ? this.#falls + 1 : 0;
    this.#changedMs = nowMs;
    this.#hasFailed = true;
    this.#trialEndsMs = undefined;
  }

  failedAgain(): void {
    if (this.#trialEndsMs !== undefined) this.#falls++;
    this.#trialEndsMs = undefined;
  }

  /** It went down through no fault of its own. */
  wasTakenDown(): void {
    this.#changedMs = this.#sources.nowMs();
    this.#hasFailed = false;
  }

  /** It was down and answers: how long it still has to do so before it may serve; milliseconds, 0: it may serve. */
  trialMs(): number {
    if (this.#falls === 0) return 0;
    const nowMs = this.#sources.nowMs();
    this.#trialEndsMs ??= nowMs + this.#trialLengthMs();
    return Math.max(0, this.#trialEndsMs - nowMs);
  }

  returned(): void {
    this.#changedMs = this.#sources.nowMs();
    if (this.#hasFailed) this.#returnedMs = this.#changedMs;
    this.#trialEndsMs = undefined;
  }

  #trialLengthMs(): number {
    const { intervalMs, flapWindowMs } = this.#settings;
    const longMs = Math.min(intervalMs * 2 ** (this.#falls - 1), flapWindowMs);
    return longMs * (0.75 + 0.5 * this.#sources.random());
  }
}
