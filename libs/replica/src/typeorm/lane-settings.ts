import type { ResolvedOptions } from '../options/resolve-options.js';
import type { LaneSettings } from '../postgres/lanes/read-lanes.js';

/** Each takes memory of the server, some 10 KiB for a simple one. */
const PREPARED_PER_CONNECTION = 100;

/** How reads share connections, by the options; `undefined`: not at all. */
export function laneSettings({
  lanes,
  prepare,
  prepareAfter,
}: Pick<ResolvedOptions<never>, 'lanes' | 'prepare' | 'prepareAfter'>): LaneSettings | undefined {
  if (!lanes) return undefined;
  return { prepare: prepare ? { after: prepareAfter, perConnection: PREPARED_PER_CONNECTION } : undefined };
}
