import type { NodeProbe, ProbeResult } from './node-probe.js';
import type { MonitorSettings, MonitorSources } from './monitor-settings.js';
import type { Pace, PaceReasons } from './probe-pace.js';
import { SharedRun } from './shared-run.js';

/** Who learns of the probes of one node, and says how often there shall be some. */
export interface NodeWatchListener {
  /** Both instants in milliseconds of the monotonic clock. */
  succeeded(result: ProbeResult, times: { startedMs: number; endedMs: number }): void;
  failed(error: unknown): void;
  /** How long to pause now. */
  pace(own: Pick<PaceReasons, 'isSilent' | 'isInDoubt'>): Pace;
}

/** So many probes in a row have to succeed until a doubt is dispelled. */
const PROBES_AGAINST_DOUBT = 2;

/**
 * Probes that nobody waits for yet begin so long after each other at least; milliseconds. Under many writes one serves all that were
 * made meanwhile.
 */
const GAP_MS = 3;

/**
 * The loop over one node: probe, pause, and again. Probes asked for in between are shared with those of the loop, so
 * at most one is under way.
 */
export class NodeWatch {
  readonly #probe: NodeProbe;
  readonly #settings: MonitorSettings;
  readonly #sources: MonitorSources;
  readonly #listener: NodeWatchListener;
  readonly #shared: SharedRun<ProbeResult>;
  #loop: Promise<void> | undefined;
  #stopped = false;
  #endPause: (() => void) | undefined;
  /** The pace of the pause under way or before; how long that pause is, and the next one at this pace. */
  #pace: Pace | undefined;
  #pauseMs = 0;
  #nextPauseMs = 0;
  /** The probe under way began before the last doubt: it proves nothing. */
  #isOutdated = false;
  #probesAgainstDoubt = 0;
  #isSilent = false;

  constructor(
    probe: NodeProbe,
    settings: MonitorSettings,
    sources: MonitorSources,
    listener: NodeWatchListener,
  ) {
    this.#probe = probe;
    this.#settings = settings;
    this.#sources = sources;
    this.#listener = listener;
    const { nowMs } = sources;
    this.#shared = new SharedRun(() => this.#outside(() => this.#probeOnce()), { gapMs: GAP_MS, nowMs });
  }

  start(): void {
    this.#loop ??= this.#outside(() => this.#run());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#endPause?.();
    const closed = this.#probe.close();
    this.#shared.hurry();
    await closed;
    await this.#loop;
  }

  /** A probe that begins now or as soon as the one under way has ended. */
  probeNow(): Promise<ProbeResult> {
    return this.#shared.request();
  }

  /** A probe that begins now or soon, shared with whoever asks until then; {@link hurryProbe} has it begin at once. */
  probeSoon(): Promise<ProbeResult> {
    return this.#shared.requestSoon();
  }

  /** Somebody waits for the probe that was asked for last. */
  hurryProbe(): void {
    this.#shared.hurry();
  }

  /** There is a reason for shorter pauses: a longer one under way is ended. */
  hurry(): void {
    const pace = this.#currentPace();
    if (pace === this.#pace) this.#nextPauseMs = pace.firstMs;
    else if (pace.firstMs < this.#pauseMs) this.#endPause?.();
  }

  /** Ends the pause: there is hope for a node that was silent. */
  retry(): void {
    this.#pace = undefined;
    this.#endPause?.();
  }

  /** The next probe connects anew. */
  reconnect(): void {
    this.#probe.reconnect();
  }

  /** Distrusts a probe that is under way, and probes again at once, and soon once more. */
  doubt(): void {
    this.#isOutdated = true;
    this.#probesAgainstDoubt = PROBES_AGAINST_DOUBT;
    this.#endPause?.();
  }

  #outside<T>(fn: () => T): T {
    return this.#sources.outside === undefined ? fn() : this.#sources.outside(fn);
  }

  /** As {@link doubt}, on a new connection. */
  doubtAnew(): void {
    this.reconnect();
    this.doubt();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#shared.request();
      } catch {
        // The listener knows; the loop goes on.
      }
      if (!this.#stopped && !this.#isOutdated) await this.#pause();
    }
  }

  async #probeOnce(): Promise<ProbeResult> {
    const startedMs = this.#sources.nowMs();
    this.#isOutdated = false;
    try {
      const result = await this.#probe.probe(this.#settings.probeTimeoutMs);
      const endedMs = this.#sources.nowMs();
      this.#isSilent = false;
      if (!this.#isOutdated) this.#probesAgainstDoubt--;
      if (!this.#stopped && !this.#isOutdated) this.#listener.succeeded(result, { startedMs, endedMs });
      return result;
    } catch (error) {
      this.#isSilent = true;
      if (!this.#isOutdated) this.#probesAgainstDoubt = 0;
      if (!this.#stopped) this.#listener.failed(error);
      throw error;
    }
  }

  #currentPace(): Pace {
    return this.#listener.pace({
      isSilent: this.#isSilent,
      isInDoubt: this.#probesAgainstDoubt > 0,
    });
  }

  #choosePauseMs(): number {
    const pace = this.#currentPace();
    if (pace !== this.#pace) this.#nextPauseMs = pace.firstMs;
    this.#pace = pace;
    this.#pauseMs = this.#nextPauseMs;
    this.#nextPauseMs = Math.min(this.#pauseMs * pace.growth, pace.maxMs);
    return this.#pauseMs * (1 + pace.spread * (2 * this.#sources.random() - 1));
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#endPause = undefined;
        resolve();
      };
      // Whoever waits for a probe keeps the process alive; the loop does not.
      const timer = setTimeout(end, this.#choosePauseMs()).unref();
      this.#endPause = end;
    });
  }
}
