import type { NodeStatus } from '../../observability/node-status.js';
import type { ExitCode } from '../exit-code.js';

/** What the check found. `hint`: worth a thought, and no reason for an alarm. */
export interface Finding {
  readonly level: 'critical' | 'warning' | 'hint';
  /** The name of the node; `null`: the cluster as a whole. */
  readonly node: string | null;
  readonly message: string;
  /** What to do about it. */
  readonly remedy?: string;
}

/** How many connections the application may open to a node, and how many the node allows. */
export interface ConnectionSum {
  /** Connections that are open now, of all clients. */
  readonly used: number;
  readonly max: number;
  readonly limitedBy: string;
  /** What all instances of the application may open at once: their pools, and one of each monitor. */
  readonly needed: number;
}

/** One node, as the check found it. */
export interface CheckedNode extends Pick<
  NodeStatus,
  'name' | 'role' | 'address' | 'health' | 'problem' | 'position' | 'timeline' | 'receiver' | 'roundTripMs'
> {
  /** Whether it may answer reads: it is up, and its lag is below the critical one. */
  readonly serves: boolean;
  /** How its primary waits for it, in the server's own word; `null` while unknown. */
  readonly syncState: string | null;
  /** How far it is behind; milliseconds. `null` while unknown. */
  readonly lagMs: number | null;
  /**
   * - `measured`: it has reached a position that the primary had at a known instant
   * - `estimated`: it has not, and its lag is the time since the commit of what it replayed last, or what the server tells
   */
  readonly lagIs: 'measured' | 'estimated' | null;
  /** How much it has still to replay, in bytes of the primary's log; `null` while unknown, and of databases that do not count bytes. */
  readonly lagBytes: number | null;
  /** The same in transactions, of databases that count these. */
  readonly lagTransactions: number | null;
  readonly version: string | null;
  readonly connections: ConnectionSum | null;
  readonly settings: Readonly<Record<string, string>>;
}

export interface CheckThresholds {
  readonly warnLagMs: number;
  readonly critLagMs: number;
  readonly minReplicas: number;
  /** As long as so many serve, others may be away: that is a warning. Otherwise each replica that is away is critical. */
  readonly othersMayBeAway: boolean;
}

/** The outcome of a check. */
export interface CheckReport {
  readonly status: 'ok' | 'warning' | 'critical';
  readonly exitCode: ExitCode;
  /** One sentence. */
  readonly summary: string;
  readonly thresholds: CheckThresholds;
  readonly primary: CheckedNode;
  readonly replicas: readonly CheckedNode[];
  /** The worst first. */
  readonly findings: readonly Finding[];
}
