import type { ProbeResult } from './node-probe.js';
import type { MonitorSettings } from './monitor-settings.js';
import { stalenessMs, type NodeSnapshot } from './topology.js';

/** A replica that left because of its lag returns below this share of the limit, so that it does not flap with every probe. */
const RETURN_SHARE = 0.8;

/** Judges a replica by its lag. `before`: as it was known until this probe. An unknown lag changes nothing. */
export function judgeLag(
  before: NodeSnapshot,
  { lagMs, nowMs }: { readonly lagMs: number | undefined; readonly nowMs: number },
  { warnLagMs, maxLagMs }: Pick<MonitorSettings, 'warnLagMs' | 'maxLagMs'>,
): Pick<NodeSnapshot, 'isLagging' | 'isTooOld'> {
  const { isLagging = false, isTooOld = false } = before;
  if (lagMs === undefined) return { isLagging, isTooOld };
  // Data ages between two probes: the replica may have been out of rotation although no probe found it too old.
  const wasOut = isTooOld || (before.freshAsOfMs !== undefined && stalenessMs(before, nowMs) > maxLagMs);
  return {
    isLagging: lagMs >= warnLagMs || (isLagging && lagMs >= RETURN_SHARE * warnLagMs),
    isTooOld: lagMs > maxLagMs || (wasOut && lagMs > RETURN_SHARE * maxLagMs),
  };
}

/** The higher of the measured lag and that of the user's own probe; milliseconds. `undefined` while the position tells none. */
export function lagByBoth(
  { position, minLagMs }: ProbeResult,
  measuredMs: number | undefined,
): number | undefined {
  return minLagMs === undefined || (position !== undefined && measuredMs === undefined)
    ? measuredMs
    : Math.max(measuredMs ?? 0, minLagMs);
}
