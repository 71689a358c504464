import type { NodeProbe, ProbeResult } from './node-probe.js';
import type { MonitorSettings, MonitorSources } from './monitor-settings.js';
import { SharedRun } from './shared-run.js';

/** Who learns of the probes of one node. */
export interface NodeWatchListener {
  /** Both instants in milliseconds of the monotonic clock. */
  succeeded(result: ProbeResult, times: { startedMs: number; endedMs: number }): void;
  failed(error: unknown): void;
  /** Whether a session waits for this node to replay more than it had. */
  isWaitedFor(): boolean;
}

/** How much slower each probe gets while a session waits for a node that does not catch up. */
const CATCH_UP_GROWTH = 1.3;

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
  #catchUpMs: number;
  #pausesBriefly = false;
  #doubted = false;

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
    this.#catchUpMs = settings.catchUpIntervalMs;
    this.#shared = new SharedRun(() => this.#probeOnce());
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#endPause?.();
    await this.#probe.close();
    await this.#loop;
  }

  /** A probe that begins now or as soon as the one under way has ended. */
  probeNow(): Promise<ProbeResult> {
    return this.#shared.request();
  }

  /** Shortens the pause: somebody waits for this node. */
  hurry(): void {
    this.#catchUpMs = this.#settings.catchUpIntervalMs;
    if (!this.#pausesBriefly) this.#endPause?.();
  }

  /** Distrusts a probe that is under way, and probes again at once. */
  doubt(): void {
    this.#doubted = true;
    this.#endPause?.();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#shared.request();
      } catch {
        // The listener knows; the loop goes on.
      }
      if (!this.#stopped && !this.#doubted) await this.#pause();
    }
  }

  async #probeOnce(): Promise<ProbeResult> {
    const startedMs = this.#sources.nowMs();
    this.#doubted = false;
    try {
      const result = await this.#probe.probe(this.#settings.probeTimeoutMs);
      const endedMs = this.#sources.nowMs();
      if (!this.#stopped && !this.#doubted) this.#listener.succeeded(result, { startedMs, endedMs });
      return result;
    } catch (error) {
      if (!this.#stopped) this.#listener.failed(error);
      throw error;
    }
  }

  #pause(): Promise<void> {
    const brief = this.#listener.isWaitedFor();
    let pauseMs = this.#settings.intervalMs * (0.9 + 0.2 * this.#sources.random());
    if (brief) {
      pauseMs = Math.min(pauseMs, this.#catchUpMs);
      this.#catchUpMs = Math.min(this.#catchUpMs * CATCH_UP_GROWTH, this.#settings.intervalMs);
    }
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#endPause = undefined;
        this.#pausesBriefly = false;
        resolve();
      };
      const timer = setTimeout(end, pauseMs);
      this.#pausesBriefly = brief;
      this.#endPause = end;
    });
  }
}
