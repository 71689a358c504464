import type { Position } from '../session/position.js';
import type { NodeProbe, ProbeResult, ProbeTimes } from './node-probe.js';
import type { MonitorSettings, MonitorSources } from './monitor-settings.js';
import type { OwnPaceReasons, Pace } from './probe-pace.js';
import { SharedRun } from './shared-run.js';

/** Learns the results of the probes of one node, and says how often to probe it. */
interface NodeWatchListener {
  succeeded(result: ProbeResult, times: ProbeTimes): void;
  failed(error: unknown): void;
  pace(own: OwnPaceReasons): Pace;
}

/** How many probes in a row have to succeed to dispel a doubt. */
const PROBES_AGAINST_DOUBT = 2;

/**
 * The least time between the starts of two probes that nobody waits for yet. Under many writes, one probe serves all that were made
 * in the meantime. It is longer than the time between two writes that carry a question of their own, so while there are such writes,
 * no probe is needed at all.
 */
const GAP_MS = 12;

/** Watches one node in a loop: probe, pause, repeat. Those who ask in between share its probes; at most one is under way. */
export class NodeWatch {
  /** The probes of the loop and of those who ask for one in between. */
  readonly probes: SharedRun<ProbeResult>;
  readonly #probe: NodeProbe;
  readonly #settings: MonitorSettings;
  readonly #sources: MonitorSources;
  readonly #listener: NodeWatchListener;
  #loop: Promise<void> | undefined;
  #stopped = false;
  #endPause: (() => void) | undefined;
  /** The pace of the current or last pause, the length of that pause, and the length of the next one at this pace. */
  #pace: Pace | undefined;
  #pauseMs = 0;
  #nextPauseMs = 0;
  /** Whether the probe under way began before the last doubt, so that it proves nothing. */
  #isOutdated = false;
  #probesAgainstDoubt = 0;
  #isSilent = false;
  #isAwaiting = false;

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
    this.probes = new SharedRun(() => this.#outside(() => this.#probeOnce()), GAP_MS, sources.nowMs);
  }

  start(): void {
    this.#loop ??= this.#outside(() => this.#run());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#endPause?.();
    const closed = this.#probe.close();
    this.probes.hurry();
    await closed;
    await this.#loop;
  }

  /** There is a reason for shorter pauses: cuts a longer one short. */
  hurry(): void {
    const pace = this.#currentPace();
    if (pace === this.#pace) this.#nextPauseMs = pace.firstMs;
    else if (pace.firstMs < this.#pauseMs) this.#endPause?.();
  }

  /** Ends the pause, because a node that was silent may be back. */
  retry(): void {
    this.#pace = undefined;
    this.#endPause?.();
  }

  /** Probes at once when the node has replayed the position, if it can tell when. Meanwhile the loop goes on. */
  awaitPosition(position: Position, timeoutMs: number): void {
    if (this.#isAwaiting || this.#probe.reaches === undefined) return;
    this.#isAwaiting = true;
    void this.#outside(() => this.#probe.reaches?.(position, timeoutMs))?.then((isReached) => {
      this.#isAwaiting = false;
      if (isReached && !this.#stopped) this.probes.request().catch(() => undefined);
    });
  }

  reconnect(): void {
    this.#probe.reconnect();
  }

  /** Distrusts a probe that is under way. Probes again at once, and once more soon. */
  doubt(): void {
    this.#isOutdated = true;
    this.#probesAgainstDoubt = PROBES_AGAINST_DOUBT;
    this.#endPause?.();
  }

  #outside<T>(fn: () => T): T {
    return this.#sources.outside === undefined ? fn() : this.#sources.outside(fn);
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.probes.request();
      } catch {
        // The listener knows of it. The loop goes on.
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
      // A caller that waits for a probe keeps the process alive. The loop does not.
      const timer = setTimeout(end, this.#choosePauseMs()).unref();
      this.#endPause = end;
    });
  }
}
