import type { NodeSnapshot, Topology } from '../topology/topology.js';
import type { TopologyMonitor } from '../topology/topology-monitor.js';
import type { LogSink } from './operator-log.js';

/** Logs one line about all nodes once each of them was asked, and then one line for each change. */
export function logTopology(monitor: TopologyMonitor, log: LogSink): void {
  let isComplete = false;
  const complete = (): void => {
    if (isComplete || !isAsked(monitor.topology)) return;
    isComplete = true;
    logNodes(monitor.topology, log);
  };
  monitor.on('node:down', ({ node }) => {
    log.warn(`${labelOf(node)} is out of rotation: ${node.problem}`);
    complete();
  });
  monitor.on('node:up', ({ node, before }) => {
    if (before === 'down') log.log(`${labelOf(node)} is back in rotation`);
    complete();
  });
  monitor.on('lag:high', (node) =>
    log.warn(`${labelOf(node)} lags ${lagOf(node)} ms: it gets half of its share of the reads`),
  );
  monitor.on('lag:ok', (node) => log.log(`${labelOf(node)} has caught up: it lags ${lagOf(node)} ms`));
  monitor.on('node:foreign', ({ node, system, primarySystem }) =>
    log.error(
      `WRONG CLUSTER: at ${node.name} (${node.address}) answers a server of another database cluster (system identifier ` +
        `${system}, not ${primarySystem}). It gets nothing: correct the address, or DNS`,
    ),
  );
  logPrimary(monitor, log);
  monitor.on('topology:changed', ({ because, added, removed, topology }) => {
    if (because === 'draining') {
      const draining = topology.replicas.filter((node) => node.isDraining === true).map(({ name }) => name);
      log.log(`draining: ${draining.join(', ') || 'nobody'}`);
    } else if (added.length + removed.length > 0) {
      log.log(
        `the nodes have changed: added ${added.join(', ') || 'none'}, removed ${removed.join(', ') || 'none'}`,
      );
    }
  });
}

function logPrimary(monitor: TopologyMonitor, log: LogSink): void {
  monitor.on('primary:changed', ({ primary, because }) =>
    log.warn(
      because === 'promotion'
        ? `${labelOf(primary)} is the primary now`
        : `another server than before is the primary at ${labelOf(primary)}`,
    ),
  );
  monitor.on('primary:conflict', ({ node, primary }) =>
    log.error(
      `TWO PRIMARIES: ${labelOf(node)} accepts writes and gets none from here, ` +
        `${labelOf(primary)} is the primary. What others write to ${node.name} is lost to the rest: ` +
        `make it follow or stop it. ${node.problem}`,
    ),
  );
}

function isAsked({ primary, replicas }: Topology): boolean {
  return [primary, ...replicas].every(({ health }) => health !== 'unknown');
}

function logNodes({ primary, replicas }: Topology, log: LogSink): void {
  const serving = replicas.filter(({ health }) => health === 'up');
  const out = [primary, ...replicas].filter(({ health }) => health === 'down');
  const line =
    `the primary is ${labelOf(primary)}; ${serving.length} of ${replicas.length} replicas answer` +
    `${listOf(': ', serving)}${listOf('; out of rotation: ', out)}`;
  if (out.length === 0) log.log(line);
  else log.warn(line);
}

function listOf(before: string, nodes: readonly NodeSnapshot[]): string {
  return nodes.length === 0 ? '' : before + nodes.map((node) => labelOf(node)).join(', ');
}

function labelOf({ name, address }: NodeSnapshot): string {
  return `${name} (${address})`;
}

function lagOf({ lagMs = 0 }: NodeSnapshot): number {
  return Math.round(lagMs);
}
