import type { NodeOptions, ReplicaDiscovery } from '../options/replica-options.js';
import { DiscoveryLoop } from '../topology/discovery/discovery-loop.js';
import type { LogSink } from './operator-log.js';
import type { ReplicaSet } from './replica-set.js';
import type { RouterCounter } from './router-counters.js';

/** How patiently a discovery is asked; milliseconds. */
const SETTINGS = { timeoutMs: 10_000, retryMs: 1_000, maxRetryMs: 30_000 };

/** How long the application's start waits for the first answer; milliseconds. */
const START_WAIT_MS = 1_000;

/** Keeps the replicas as a discovery finds them; its failures are counted and logged. */
export function discoverInto(
  discovery: ReplicaDiscovery,
  replicaSet: ReplicaSet,
  { counters, log }: { readonly counters: Record<RouterCounter, number>; readonly log: LogSink },
): DiscoveryLoop<NodeOptions> {
  return new DiscoveryLoop<NodeOptions>({
    discovery,
    settings: SETTINGS,
    apply: (found) => replicaSet.put(replicaSet.resolveFound(found)),
    onFailure: (problem, isNews) => {
      counters.failedDiscoveries++;
      if (isNews) log.warn(`replicas could not be discovered, those known before stay: ${problem}`);
    },
    onRecovery: () => log.log('replicas are discovered again'),
    random: Math.random,
  });
}

/** Looks for the first time, and lets the application's start wait for that, but not for long. */
export async function startDiscovery(loop: DiscoveryLoop<NodeOptions>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, START_WAIT_MS);
  });
  await Promise.race([loop.start(), late]);
  clearTimeout(timer);
}
