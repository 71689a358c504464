import { formatCount, formatMs } from '../units.js';
import type { CheckedNode, CheckThresholds, Finding } from './check-report.js';
import type { BlockingReader, LockHolder, NodeFacts } from './node-facts.js';
import type { ObservedCluster, ObservedNode } from './observed-cluster.js';

/** What a replica's receiver is when all is well, in the words of the databases; `hidden`: the user may not know. Aurora has none. */
const HEALTHY_RECEIVER = /^(?:streaming|hidden|aurora\b.*|receives: Yes, replays: Yes)$/;

/** From when on it is told that others wait for a transaction's locks; milliseconds. Shorter waits are daily life. */
const LONG_OPEN_MS = 1_000;

const LEVELS = ['critical', 'warning', 'hint'] as const satisfies readonly Finding['level'][];

/** What is wrong with the nodes, and what else was found, the worst first. */
export function findProblems(
  { primary, replicas, strangers }: ObservedCluster,
  thresholds: CheckThresholds,
  others: readonly Finding[] = [],
): readonly Finding[] {
  const serving = replicas.filter(({ checked }) => checked.serves).length;
  const awayIs = thresholds.othersMayBeAway && serving >= thresholds.minReplicas ? 'warning' : 'critical';
  const findings = [
    ...others,
    ...problemsOfNode(primary, 'critical'),
    ...replicas.flatMap((replica) => [
      ...problemsOfNode(replica, awayIs),
      ...problemsOfReplica(replica, { primary: primary.checked, thresholds, awayIs }),
    ]),
    ...problemsOfCommits(primary, replicas),
  ];
  if (serving < thresholds.minReplicas)
    findings.push({
      level: 'critical',
      node: null,
      message: `${serving} of ${replicas.length} replicas serve, and there have to be ${thresholds.minReplicas} (--min-replicas)`,
    });
  if (strangers > 0)
    findings.push({
      level: 'hint',
      node: primary.checked.name,
      message: `${strangers} ${strangers === 1 ? 'standby follows' : 'standbys follow'} it that ${strangers === 1 ? 'is' : 'are'} none of these replicas, or cannot be told from others`,
    });
  return findings.toSorted((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level));
}

/** @param awayIs how bad it is that the node is away */
function problemsOfNode({ checked, facts }: ObservedNode, awayIs: Finding['level']): Finding[] {
  const { name: node, health, problem, connections } = checked;
  const findings: Finding[] = [];
  if (health !== 'up') findings.push({ level: awayIs, node, message: problem ?? 'it does not answer' });
  if (facts === undefined) return findings;
  if (facts.lockHolder !== null && facts.lockHolder.openMs >= LONG_OPEN_MS)
    findings.push({ level: 'warning', node, ...holdsLocks(facts.lockHolder) });
  for (const { effect, remedy } of facts.missingRights)
    findings.push({ level: 'warning', node, message: `a right is missing: ${effect}`, remedy });
  if (connections !== null && connections.needed > connections.max)
    findings.push({
      level: 'warning',
      node,
      message:
        `the application may open ${formatCount(connections.needed)} connections, and ${formatCount(connections.max)} are allowed ` +
        `(${connections.limitedBy})`,
      remedy: 'lower pool.size, run fewer instances, or raise the limit',
    });
  for (const message of facts.hints) findings.push({ level: 'hint', node, message });
  return findings;
}

/** What a replica is compared with. */
interface Surroundings {
  readonly primary: CheckedNode;
  readonly thresholds: CheckThresholds;
  /** How bad it is that the replica is away. */
  readonly awayIs: Finding['level'];
}

function problemsOfReplica(replica: ObservedNode, { primary, thresholds, awayIs }: Surroundings): Finding[] {
  const { name: node, health, receiver, timeline } = replica.checked;
  const findings: Finding[] = [];
  if (receiver !== null && !HEALTHY_RECEIVER.test(receiver))
    findings.push({
      level: awayIs,
      node,
      message: receiver === 'none' ? 'it receives nothing: it has no receiver' : `its receiver: ${receiver}`,
      remedy: "see the server's log, and whether it can reach the primary",
    });
  if (timeline !== null && primary.timeline !== null && timeline !== primary.timeline && health === 'up')
    findings.push({
      level: 'warning',
      node,
      message: `it follows timeline ${timeline}, and the primary writes on ${primary.timeline}`,
    });
  return [...findings, ...problemsOfLag(replica, { primary, thresholds })];
}

/** How far a replica is behind, and before that what it is that holds it up. */
function problemsOfLag(
  { checked: { name: node, health, lagMs, lagIs }, facts }: ObservedNode,
  { primary, thresholds: { warnLagMs, critLagMs } }: Pick<Surroundings, 'primary' | 'thresholds'>,
): Finding[] {
  const findings: Finding[] = [];
  const level = lagMs === null || lagMs < warnLagMs ? undefined : lagMs >= critLagMs ? 'critical' : 'warning';
  if (facts?.pausedUntil)
    findings.push({
      level: level ?? 'warning',
      node,
      message: 'somebody has paused its replay',
      remedy: facts.pausedUntil,
    });
  if (lagMs === null) {
    if (health === 'up' && primary.health === 'up')
      findings.push({ level: 'warning', node, message: 'its lag is unknown' });
    return findings;
  }
  if (level === undefined) return findings;
  // Replay often waits for a moment, which is no problem.
  if (facts?.replayWaitsFor) findings.push({ level, node, ...waitsFor(facts.replayWaitsFor, facts) });
  const limit =
    level === 'critical' ? `--crit-lag ${formatMs(critLagMs)}` : `--warn-lag ${formatMs(warnLagMs)}`;
  findings.push({
    level,
    node,
    message: `it lags ${lagIs === 'estimated' ? 'about ' : ''}${formatMs(lagMs)} (${limit})`,
  });
  return findings;
}

function holdsLocks({ pid, openMs, state, waiting }: LockHolder): Pick<Finding, 'message' | 'remedy'> {
  const who = waiting === 1 ? '1 connection waits' : `${waiting} connections wait`;
  return {
    message: `${who} for locks of a transaction that has been open for ${formatMs(openMs)} (process ${pid}, ${state})`,
    remedy: `SELECT pg_terminate_backend(${pid}) ends it`,
  };
}

function waitsFor(
  { pid, openMs }: BlockingReader,
  { settings }: NodeFacts,
): Pick<Finding, 'message' | 'remedy'> {
  const delay = settings['max_standby_streaming_delay'] ?? 'unknown';
  return {
    message: `its replay waits for a transaction that has been open there for ${formatMs(openMs)} (process ${pid})`,
    remedy: `SELECT pg_terminate_backend(${pid}) ends it, and max_standby_streaming_delay (${delay}) is how long replay waits`,
  };
}

/** Whether commits wait for standbys that are not there. */
function problemsOfCommits({ checked, facts }: ObservedNode, replicas: readonly ObservedNode[]): Finding[] {
  const names = facts?.settings['synchronous_standby_names'] ?? '';
  const known = [...(facts?.followers ?? []), ...replicas.map((one) => one.checked)];
  const isToldNothing = facts !== undefined && facts.missingRights.length > 0;
  if (names === '' || isToldNothing) return [];
  if (known.some(({ syncState }) => syncState === 'sync' || syncState === 'quorum')) return [];
  return [
    {
      level: 'critical',
      node: checked.name,
      message: `commits wait for a synchronous standby (${names}), and none is connected`,
      remedy: 'bring one back, or change synchronous_standby_names',
    },
  ];
}
