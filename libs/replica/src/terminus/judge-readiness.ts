import type { NodeStatus, TopologyStatus } from '../observability/node-status.js';

/** What a data source has to offer to be ready. */
export interface ReadinessNeeds {
  /**
   * `read`: any node that answers is enough, because an application that still reads is worth more than none. `write`: without
   * the primary the data source is down. Default `read`.
   */
  readonly needs?: 'read' | 'write';
  /** With fewer replicas that serve, the data source is degraded. Default 0. */
  readonly minReplicas?: number;
  /** A replica with more lag, in milliseconds, does not count as serving. Default: the data source's own `maxLagMs` decides. */
  readonly maxLagMs?: number;
}

/** What is known of a data source. */
export interface ReadinessFacts {
  /** `undefined`: it is not initialized. */
  readonly topology: TopologyStatus | undefined;
  /** Whether a monitor watches the nodes. Without replicas there is none. */
  readonly isWatched: boolean;
  /** The monitor has finished no probe for longer than its settings explain. */
  readonly isMonitorSilent: boolean;
}

/** The verdict, and what it rests on. It names no address and holds no error of a database. */
export interface Readiness {
  readonly status: 'up' | 'degraded' | 'down';
  /** Why it is not `up`. */
  readonly message?: string;
  readonly primary: NodeStatus['health'];
  /** How many replicas there are. */
  readonly replicas: number;
  /** How many of them serve reads. */
  readonly serving: number;
}

type Verdict = Pick<Readiness, 'status' | 'message'>;

/** Judges by what the monitor knows. Asks no node. */
export function judgeReadiness(facts: ReadinessFacts, needs: ReadinessNeeds): Readiness {
  const { topology } = facts;
  if (topology === undefined) {
    const message = 'the data source is not initialized';
    return { status: 'down', message, primary: 'unknown', replicas: 0, serving: 0 };
  }
  const { primary, replicas } = topology;
  const serving = replicas.filter((replica) => serves(replica, needs.maxLagMs)).length;
  const verdict = judge(topology, serving, { facts, needs });
  return { ...verdict, primary: primary.health, replicas: replicas.length, serving };
}

function judge(
  { primary, replicas }: TopologyStatus,
  serving: number,
  { facts, needs: { needs = 'read', minReplicas = 0 } }: { facts: ReadinessFacts; needs: ReadinessNeeds },
): Verdict {
  const lack: Verdict =
    serving >= minReplicas
      ? { status: 'up' }
      : { status: 'degraded', message: `replicas that serve: ${serving}, needed: ${minReplicas}` };
  if (!facts.isWatched) return lack;
  if (facts.isMonitorSilent)
    return { status: 'down', message: 'the nodes have not been probed for too long' };
  if (primary.health === 'up') return lack;
  if (!replicas.some(({ health }) => health === 'up')) return { status: 'down', message: 'no node answers' };
  return needs === 'write'
    ? { status: 'down', message: 'the primary does not answer, so nothing can be written' }
    : { status: 'degraded', message: 'the primary does not answer; reads still work' };
}

function serves({ health, isDraining, isTooOld, lagMs }: NodeStatus, maxLagMs = Infinity): boolean {
  const isLate = maxLagMs !== Infinity && (lagMs ?? Infinity) > maxLagMs;
  return health === 'up' && !isDraining && !isTooOld && !isLate;
}
