import type { ResolvedOptions } from '../options/resolve-options.js';

type Options = Pick<ResolvedOptions<never>, 'maxLagMs' | 'minServing' | 'hardMaxLagMs'> & {
  readonly session: Pick<ResolvedOptions<never>['session'], 'ttlMs'>;
  readonly monitor: Pick<ResolvedOptions<never>['monitor'], 'intervalMs'>;
};

/** How long sessions remember what they wrote and saw; milliseconds. */
export interface SessionMemory {
  /** How old the note of a session's replica may get before it is renewed, while the session still reads there. */
  readonly renoteAfterMs: number;
  /** How long, at least, a session remembers what it saw. No replica lags by more. */
  readonly rememberedMs: number;
}

/** A note is forgotten after `ttlMs`. Until then it must outlive the last read by as much as a replica may lag. */
export function sessionMemory(options: Options): SessionMemory {
  const { ttlMs } = options.session;
  const { intervalMs } = options.monitor;
  const renoteAfterMs = Math.max(0, Math.min(ttlMs / 2, ttlMs - longestLagMs(options) - intervalMs));
  return { renoteAfterMs, rememberedMs: ttlMs - renoteAfterMs - intervalMs };
}

/** The greatest age of the data of a replica that serves; milliseconds. */
export function longestLagMs(options: Omit<Options, 'session' | 'monitor'>): number {
  return options.minServing > 0 ? options.hardMaxLagMs : options.maxLagMs;
}
