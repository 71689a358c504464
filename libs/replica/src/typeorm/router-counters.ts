/** What a `DataSourceRouter` counts: tokens that were none of ours, and what session store and discovery failed to do. */
export type RouterCounter =
  'foreignTokens' | 'failedSessionLoads' | 'failedSessionSaves' | 'failedDiscoveries';

/** Counters of which none has counted anything. */
export function noCounts(): Record<RouterCounter, number> {
  return { foreignTokens: 0, failedSessionLoads: 0, failedSessionSaves: 0, failedDiscoveries: 0 };
}
