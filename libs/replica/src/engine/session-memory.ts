import type { ResolvedOptions } from '../options/resolve-options.js';

type Options = Pick<ResolvedOptions<never>, 'maxLagMs' | 'minServing' | 'hardMaxLagMs'> & {
  readonly session: Pick<ResolvedOptions<never>['session'], 'ttlMs'>;
  readonly monitor: Pick<ResolvedOptions<never>['monitor'], 'intervalMs'>;
};

/** How long sessions remember what they wrote and saw; milliseconds. */
export interface SessionMemory {
  /** A note of the replica that a session reads from is made anew when it is so old and the session still reads there. */
  readonly renoteAfterMs: number;
  /** What a session saw is remembered at least so long after it saw it: what replicas lag is less. */
  readonly rememberedMs: number;
}

/** Forgotten after `ttlMs`, a note must still outlive the last read by what a replica may lag. */
export function sessionMemory(options: Options): SessionMemory {
  const { ttlMs } = options.session;
  const { intervalMs } = options.monitor;
  const renoteAfterMs = Math.max(0, Math.min(ttlMs / 2, ttlMs - longestLagMs(options) - intervalMs));
  return { renoteAfterMs, rememberedMs: ttlMs - renoteAfterMs - intervalMs };
}

/** How old the data of a replica may be that serves; milliseconds. */
export function longestLagMs({
  maxLagMs,
  minServing,
  hardMaxLagMs,
}: Omit<Options, 'session' | 'monitor'>): number {
  return minServing > 0 ? hardMaxLagMs : maxLagMs;
}
