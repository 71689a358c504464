import type { ResolvedOptions } from '../options/resolve-options.js';
import type { LaneSettings } from '../postgres/lanes/read-lanes.js';
import { whyNoLanes } from '../postgres/lanes/supports-lanes.js';
import type { LogSink } from './operator-log.js';
import { poolConfig, type PoolSettings } from '../postgres/pool-config.js';

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

/** Says once, at the start, that reads will not share connections although the options let them. */
export function logMissingLanes(options: ResolvedOptions<never>, settings: PoolSettings, log: LogSink): void {
  if (!options.lanes) return;
  const reason = whyNoLanes(poolConfig(options.primary, settings));
  if (reason !== undefined) log.warn(`each read has a connection to itself (no lanes): ${reason}`);
}
