/** Counters that are all zero. */
export function noCounts() {
  return {
    foreignTokens: 0,
    failedSessionLoads: 0,
    failedSessionSaves: 0,
    failedDiscoveries: 0,
    writesWithoutSession: 0,
  };
}

/**
 * What a `DataSourceRouter` counts: foreign tokens, failures of the session store and of the discovery, and HTTP
 * requests that wrote but belonged to no session, so that nobody was promised to see the write in the next request.
 */
export type RouterCounter = keyof ReturnType<typeof noCounts>;
