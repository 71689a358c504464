import type { ProbeResult } from './node-probe.js';
import type { MonitorSettings } from './monitor-settings.js';
import { stalenessMs, type NodeSnapshot } from './topology.js';

/** What leaves for its lag returns below this share of the limit: not in and out with every probe. */
const RETURN_SHARE = 0.8;

/**
 * What a replica's lag means. `before`: what was known of it until this probe, which ended at `nowMs`. Where the lag is
 * not known, everything stays as it was.
 */
export function judgeLag(
  before: NodeSnapshot,
  { lagMs, nowMs }: { readonly lagMs: number | undefined; readonly nowMs: number },
  { warnLagMs, maxLagMs }: Pick<MonitorSettings, 'warnLagMs' | 'maxLagMs'>,
): Pick<NodeSnapshot, 'isLagging' | 'isTooOld'> {
  const { isLagging = false, isTooOld = false } = before;
  if (lagMs === undefined) return { isLagging, isTooOld };
  // Between two probes data ages: it may have been out of rotation though no probe has found it too old.
  const wasOut = isTooOld || (before.freshAsOfMs !== undefined && stalenessMs(before, nowMs) > maxLagMs);
  return {
    isLagging: lagMs >= warnLagMs || (isLagging && lagMs >= RETURN_SHARE * warnLagMs),
    isTooOld: lagMs > maxLagMs || (wasOut && lagMs > RETURN_SHARE * maxLagMs),
  };
}

/** A replica's lag, by its position and by its own word: milliseconds, the higher of both; `undefined` while its position tells none. */
export function lagByBoth(
  { position, minLagMs }: ProbeResult,
  measuredMs: number | undefined,
): number | undefined {
  return minLagMs === undefined || (position !== undefined && measuredMs === undefined)
    ? measuredMs
    : Math.max(measuredMs ?? 0, minLagMs);
}
