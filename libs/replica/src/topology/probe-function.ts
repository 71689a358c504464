import type { NodeRole } from './topology.js';

/** A node that is being probed, as your own probe sees it. */
export interface ProbedNode {
  readonly name: string;
  /** What it is just now: `primary` where it accepts writes. */
  readonly role: NodeRole;
  /** `host:port`. */
  readonly address: string;
  /** Runs a statement on the connection of the monitor, until your probe has ended; gives the rows. */
  readonly query: <Row extends object = Record<string, unknown>>(
    sql: string,
    values?: readonly unknown[],
  ) => Promise<readonly Row[]>;
}

/** What your own probe may give: `false`: the node may not serve. Anything else: it may. */
export type ProbeVerdict =
  | boolean
  | void
  | {
      /**
       * The node's data is at least this old, in milliseconds from 0: makes a replica look older than its position does, never
       * fresher. Where replicas tell no position (Aurora), it is all that is known of their age.
       */
      readonly lagMs?: number;
    };

/** Your own probe of a node: runs after the built-in one has succeeded, each time. Where it throws, the node may not serve. */
export type ProbeFunction = (node: ProbedNode) => ProbeVerdict | Promise<ProbeVerdict>;
