import type { MonitorSettings } from './monitor-settings.js';

/** The lengths of the pauses between probes: the first, the factor from one to the next, and the longest. */
export interface Pace {
  readonly firstMs: number;
  readonly growth: number;
  readonly maxMs: number;
  /** Each pause varies at random by up to this share, so that many processes do not probe at once. */
  readonly spread: number;
}

export interface PaceReasons {
  readonly isSilent: boolean;
  /** A statement lost its connection, and probes have not dispelled the doubt yet. */
  readonly isInDoubt: boolean;
  /** A session waits until it has replayed a position. */
  readonly isWaitedFor: boolean;
  /** The primary is down, so it or a promoted replica has to be found soon. */
  readonly isPrimaryAway: boolean;
  readonly isPrimaryWaitedFor: boolean;
  /** Counts only for a node that is silent. */
  readonly isReplicaUp: boolean;
}

/** What the watch of a node knows of it. */
export type OwnPaceReasons = Pick<PaceReasons, 'isSilent' | 'isInDoubt'>;

/** The paces of a monitor. Each object exists once, so equal paces are identical. */
export class ProbePaces {
  readonly #catchUp: Pace;
  readonly #alert: Pace;
  readonly #search: Pace;
  readonly #steady: Pace;
  readonly #rest: Pace;

  constructor(settings: MonitorSettings) {
    const { intervalMs, catchUpIntervalMs, suspectIntervalMs, maxIntervalMs } = settings;
    this.#catchUp = paceOf(catchUpIntervalMs, 1.3, intervalMs);
    this.#alert = paceOf(suspectIntervalMs, 1, intervalMs);
    this.#search = paceOf(suspectIntervalMs, 1.1, intervalMs);
    this.#steady = paceOf(intervalMs, 1, intervalMs);
    this.#rest = { ...paceOf(intervalMs, 2, maxIntervalMs), spread: 0.25 };
  }

  /** The first reason that applies decides. */
  choose(reasons: PaceReasons): Pace {
    if (reasons.isPrimaryAway && reasons.isPrimaryWaitedFor) return this.#alert;
    if (reasons.isWaitedFor) return this.#catchUp;
    if (reasons.isInDoubt) return this.#alert;
    if (reasons.isPrimaryAway) return this.#search;
    if (reasons.isSilent && reasons.isReplicaUp) return this.#rest;
    return this.#steady;
  }
}

function paceOf(firstMs: number, growth: number, maxMs: number): Pace {
  return { firstMs: Math.min(firstMs, maxMs), growth, maxMs, spread: 0.1 };
}
