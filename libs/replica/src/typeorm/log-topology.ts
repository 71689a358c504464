import type { TopologyMonitor } from '../topology/topology-monitor.js';

/** Says each change of the topology in one line, for the log. */
export function logTopology(monitor: TopologyMonitor, warn: (line: string) => void): void {
  monitor.on('node:down', ({ node }) =>
    warn(`${node.name} (${node.address}) is out of rotation: ${node.problem}`),
  );
  monitor.on('node:up', ({ node, before }) => {
    if (before === 'down') warn(`${node.name} (${node.address}) is back in rotation`);
  });
  monitor.on('lag:high', ({ name, address, lagMs = 0 }) =>
    warn(`${name} (${address}) lags ${Math.round(lagMs)} ms: it gets half of its share of the reads`),
  );
  monitor.on('lag:ok', ({ name, address, lagMs = 0 }) =>
    warn(`${name} (${address}) has caught up: it lags ${Math.round(lagMs)} ms`),
  );
  monitor.on('primary:changed', ({ primary, because }) =>
    warn(
      because === 'promotion'
        ? `${primary.name} (${primary.address}) is the primary now`
        : `another server than before is the primary at ${primary.name} (${primary.address})`,
    ),
  );
  monitor.on('primary:conflict', ({ node, primary }) =>
    warn(
      `TWO PRIMARIES: ${node.name} (${node.address}) accepts writes and gets none from here, ` +
        `${primary.name} (${primary.address}) is the primary. What others write to ${node.name} is lost to the rest: ` +
        `make it follow or stop it. ${node.problem}`,
    ),
  );
  monitor.on('topology:changed', ({ because, added, removed, topology }) => {
    if (because === 'draining') {
      const draining = topology.replicas.filter((node) => node.isDraining === true).map(({ name }) => name);
      warn(`draining: ${draining.join(', ') || 'nobody'}`);
    } else if (added.length + removed.length > 0) {
      warn(
        `the nodes have changed: added ${added.join(', ') || 'none'}, removed ${removed.join(', ') || 'none'}`,
      );
    }
  });
}
