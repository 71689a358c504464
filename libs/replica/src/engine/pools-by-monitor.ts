import type { ServerCheck } from '../postgres/check-connection.js';
import type { TopologyMonitor } from '../topology/topology-monitor.js';
import type { NodePools } from './node-pools.js';
import type { PoolSettings } from '../postgres/pool-config.js';

/** What {@link serverCheck} works with. */
export interface ServerCheckOptions {
  /** There is one by the time that a connection is made. */
  readonly monitor: () => TopologyMonitor;
  /** Whether nodes are watched: without replicas nobody is, and every server may be the one. */
  readonly isWatched: () => boolean;
}

/**
 * Lets a node's pool use only connections to the server that the monitor knows. The primary may have been restarted since the
 * monitor asked: it is asked once more, that no write fails for that.
 */
export function serverCheck(node: string, { monitor, isWatched }: ServerCheckOptions): ServerCheck {
  return {
    isOn: isWatched,
    objectionTo: (identity) => {
      const objection = monitor().objectionTo(node, identity);
      if (objection === undefined || node !== monitor().topology.primary.name) return objection;
      return monitor()
        .meetAnew(node)
        .then(() => monitor().objectionTo(node, identity));
    },
  };
}

/** When the monitor finds another server at a node's address, connections to the one before are good for nothing. */
export function keepOnlyKnownServers(monitor: TopologyMonitor, pools: NodePools): void {
  monitor.on('server:changed', ({ name, identity }) =>
    pools.byName.get(name)?.keepOnly(identity?.incarnation),
  );
}

/** Whoever waits for a node that is gone, or for a server that is not the primary any more, learns at once. */
export function cutWhatIsGone(monitor: TopologyMonitor, pools: NodePools): void {
  monitor.on('node:down', ({ node }) => {
    if (node.role === 'replica') pools.byName.get(node.name)?.reset(node.problem ?? 'the node is down');
  });
  monitor.on('primary:changed', ({ primary, because }) => {
    for (const pool of pools.byName.values()) {
      // Behind its address may have been the old primary, which must get no more writes.
      if (pool.name !== primary.name || because === 'another-server')
        pool.reset(`${primary.name} is another primary than before`);
    }
  });
}

/** An idle connection that breaks tells of a crash as well as one in use. */
export function doubtBrokenIdle(settings: PoolSettings, monitor: () => TopologyMonitor): PoolSettings {
  const onIdleError: PoolSettings['onIdleError'] = (error, node) => {
    monitor().doubt(node);
    settings.onIdleError(error, node);
  };
  return { ...settings, onIdleError };
}
