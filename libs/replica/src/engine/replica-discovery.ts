import { DISCOVERY_DEFAULTS } from '../options/defaults.js';
import type { NodeOptions, ReplicaDiscovery } from '../options/replica-options.js';
import { DiscoveryLoop } from '../topology/discovery/discovery-loop.js';
import type { LogSink } from './operator-log.js';
import type { ReplicaSet } from './replica-set.js';

/** What {@link discoverInto} works with. */
export interface DiscoverIntoOptions {
  readonly replicaSet: ReplicaSet;
  /** A look failed. */
  readonly onFailure: () => void;
  readonly log: LogSink;
  readonly random: () => number;
}

/** Keeps the replicas as a discovery finds them. */
export function discoverInto(
  discovery: ReplicaDiscovery,
  { replicaSet, onFailure, log, random }: DiscoverIntoOptions,
): DiscoveryLoop<NodeOptions> {
  return new DiscoveryLoop<NodeOptions>({
    discovery,
    settings: DISCOVERY_DEFAULTS,
    apply: (found) => replicaSet.put(replicaSet.resolveFound(found)),
    onFailure: (problem, isNews) => {
      onFailure();
      if (isNews) log.warn(`replicas could not be discovered, those known before stay: ${problem}`);
    },
    onRecovery: () => log.log('replicas are discovered again'),
    random,
  });
}

/** Looks for the first time, and lets the application's start wait for that, but not for long. */
export async function startDiscovery(loop: DiscoveryLoop<NodeOptions>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, DISCOVERY_DEFAULTS.startWaitMs);
  });
  await Promise.race([loop.start(), late]);
  clearTimeout(timer);
}
