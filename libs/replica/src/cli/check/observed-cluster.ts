import { nodeStatusOf } from '../../observability/node-status.js';
import { MYSQL, type DatabaseFamily, familyOf } from '../../options/database-type.js';
import type { NodeSnapshot } from '../../topology/topology.js';
import { messageOf } from '../../errors/describe-error.js';
import { withConnection } from '../node-connection.js';
import type { Source } from '../source.js';
import { WatchedNodes } from '../watched-nodes.js';
import type { CheckedNode, ConnectionSum } from './check-report.js';
import type { Follower, NodeFacts } from './node-facts.js';
import { readFacts } from './read-facts.js';

/** What the check knows of a node. */
export interface ObservedNode {
  readonly checked: CheckedNode;
  /** `undefined`: the node did not answer; see `checked.problem`. */
  readonly facts: NodeFacts | undefined;
}

export interface ObservedCluster {
  readonly primary: ObservedNode;
  readonly replicas: readonly ObservedNode[];
  /** How many of the primary's followers are none of the replicas. */
  readonly strangers: number;
}

interface ObservationSettings {
  readonly timeoutMs: number;
  /** How long to wait at most for a replica that is behind; milliseconds. */
  readonly measureMs: number;
  readonly critLagMs: number;
  /** How many processes of the application there are. */
  readonly instances: number;
}

/** How often to ask the nodes; milliseconds. */
const INTERVAL_MS = 250;

/** Looks at all nodes once. */
export async function observeCluster(
  source: Source,
  settings: ObservationSettings,
): Promise<ObservedCluster> {
  const watched = new WatchedNodes(source, { intervalMs: INTERVAL_MS, timeoutMs: settings.timeoutMs });
  try {
    await watched.start();
    const sinceMs = performance.now();
    await watched.measureLag(settings.measureMs);
    const measuredMs = performance.now() - sinceMs;
    const nodes = watched.nodes;
    const facts = await Promise.all(nodes.map((node) => factsOf(node, source, settings.timeoutMs)));
    return observed({ nodes, facts, measuredMs }, source, settings);
  } finally {
    await watched.stop();
  }
}

/** A node that answers the monitor, and then refuses the questions of the check, is as good as away. */
type Told = NodeFacts | { readonly problem: string } | undefined;

async function factsOf(node: NodeSnapshot, source: Source, timeoutMs: number): Promise<Told> {
  const { database, options } = source;
  const resolved = [source.primary, ...source.replicas].find(({ name }) => name === node.name);
  // A node that may not serve may well tell why.
  if (resolved === undefined || node.health === 'unknown') return undefined;
  try {
    return await withConnection({ database, node: resolved, timeoutMs }, (query) =>
      readFacts(familyOf(options.type), query, node.role),
    );
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

function observed(
  {
    nodes,
    facts,
    measuredMs,
  }: {
    readonly nodes: readonly NodeSnapshot[];
    readonly facts: readonly Told[];
    readonly measuredMs: number;
  },
  source: Source,
  settings: ObservationSettings,
): ObservedCluster {
  const known = facts.map((told) => (told === undefined || 'problem' in told ? undefined : told));
  const [primary] = nodes;
  const [primaryFacts] = known;
  const followers = new Set(primaryFacts?.followers);
  const all = nodes.map((node, index): ObservedNode => {
    const own = known[index];
    const told = facts[index];
    const follower =
      node.role === 'replica' && own !== undefined ? followerOf(node, own, [...followers]) : undefined;
    if (follower !== undefined) followers.delete(follower);
    const lag = node.role === 'replica' ? lagOf(node, { primary, own, primaryFacts, measuredMs }) : NO_LAG;
    const status = nodeStatusOf(node, source.database);
    const problem = status.problem ?? (told !== undefined && 'problem' in told ? told.problem : null);
    const { name, role, address, position, timeline, receiver, roundTripMs } = status;
    const health = status.health === 'up' && problem !== null ? 'down' : status.health;
    return {
      facts: own,
      checked: {
        name,
        role,
        address,
        health,
        problem,
        position,
        timeline,
        receiver,
        roundTripMs,
        serves:
          health === 'up' && (lag.lagMs ?? (node.role === 'primary' ? 0 : Infinity)) < settings.critLagMs,
        syncState: own?.syncState ?? follower?.syncState ?? null,
        ...lag,
        ...behind(primary, node, familyOf(source.options.type)),
        version: own?.version ?? null,
        connections: own === undefined ? null : connectionsOf(node.name, own, { source, settings }),
        settings: own?.settings ?? {},
      },
    };
  });
  const [first, ...replicas] = all;
  return { primary: first as ObservedNode, replicas, strangers: followers.size };
}

const NO_LAG = { lagMs: null, lagIs: null } as const;

function onlyOne(found: readonly Follower[]): Follower | undefined {
  return found.length === 1 ? found[0] : undefined;
}

/** Which of the primary's followers this replica is; `undefined`: that cannot be told for sure. */
function followerOf(
  { address }: NodeSnapshot,
  { names, host }: NodeFacts,
  followers: readonly Follower[],
): Follower | undefined {
  for (const name of names) {
    const named = onlyOne(followers.filter((one) => one.names.includes(name)));
    if (named !== undefined) return named;
  }
  const hosts = [host, address.slice(0, address.lastIndexOf(':'))];
  return onlyOne(followers.filter((one) => one.host !== null && hosts.includes(one.host)));
}

/**
 * The lag as the library measures it. Where the replica has not even replayed what the primary had when the check began, the library does
 * not know it yet; then it is how long the check has waited, or more by the commit time of what the replica replayed last. Both times are
 * of the primary's clock.
 */
function lagOf(
  node: NodeSnapshot,
  {
    primary,
    own,
    primaryFacts,
    measuredMs,
  }: {
    readonly primary: NodeSnapshot | undefined;
    readonly own: NodeFacts | undefined;
    readonly primaryFacts: NodeFacts | undefined;
    readonly measuredMs: number;
  },
): Pick<CheckedNode, 'lagMs' | 'lagIs'> {
  if (node.lagMs !== undefined && node.health === 'up')
    return { lagMs: Math.round(node.lagMs), lagIs: 'measured' };
  if (node.position === undefined || primary?.position === undefined || own === undefined) return NO_LAG;
  if (node.position >= primary.position) return NO_LAG;
  const sinceCommitMs =
    primaryFacts === undefined || own.replayedAtMs === null ? 0 : primaryFacts.nowMs - own.replayedAtMs;
  const lagMs = Math.round(Math.max(measuredMs, sinceCommitMs, own.ownLagMs ?? 0));
  return { lagMs, lagIs: 'estimated' };
}

function behind(
  primary: NodeSnapshot | undefined,
  { role, position }: NodeSnapshot,
  family: DatabaseFamily,
): Pick<CheckedNode, 'lagBytes' | 'lagTransactions'> {
  if (role === 'primary' || position === undefined || primary?.position === undefined)
    return { lagBytes: null, lagTransactions: null };
  // The replica may have been asked later than the primary.
  const distance = Math.max(0, Number(primary.position - position));
  return family === MYSQL
    ? { lagBytes: null, lagTransactions: distance }
    : { lagBytes: distance, lagTransactions: null };
}

function connectionsOf(
  name: string,
  { connections }: NodeFacts,
  { source, settings }: { readonly source: Source; readonly settings: ObservationSettings },
): ConnectionSum | null {
  const node = [source.primary, ...source.replicas].find((one) => one.name === name);
  if (node === undefined) return null;
  const { size } = source.database.openNode(node, { onIdleError: () => undefined }).limits;
  return { ...connections, needed: settings.instances * (size + 1) };
}
