/**
 * What a `DataSourceRouter` counts: tokens that were none of ours, what session store and discovery failed to do, and HTTP requests that
 * wrote and belonged to no session, so that nobody was promised to see it in the next one.
 */
export type RouterCounter =
  | 'foreignTokens'
  | 'failedSessionLoads'
  | 'failedSessionSaves'
  | 'failedDiscoveries'
  | 'writesWithoutSession';

/** Counters of which none has counted anything. */
export function noCounts(): Record<RouterCounter, number> {
  return {
    foreignTokens: 0,
    failedSessionLoads: 0,
    failedSessionSaves: 0,
    failedDiscoveries: 0,
    writesWithoutSession: 0,
  };
}
