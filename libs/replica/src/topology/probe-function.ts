import type { NodeRole } from './topology.js';

/** A node as your own probe sees it. */
export interface ProbedNode {
  readonly name: string;
  /** Its current role: `primary` if it accepts writes. */
  readonly role: NodeRole;
  /** `host:port`. */
  readonly address: string;
  /** Runs a statement on the monitor's connection and resolves to the rows. It works until your probe has ended. */
  readonly query: <Row extends object = Record<string, unknown>>(
    sql: string,
    values?: readonly unknown[],
  ) => Promise<readonly Row[]>;
}

/** What your own probe may return. `false`: the node may not serve. Anything else: it may. */
export type ProbeVerdict =
  | boolean
  | void
  | {
      /**
       * The least age of the node's data; milliseconds, from 0. It can make a replica count as older than its position says,
       * never as fresher. If replicas tell no position (a binary log that is off, ...), it is all that is known of their age.
       */
      readonly lagMs?: number;
    };

/** Your own probe of a node. It runs each time after the built-in probe has succeeded. If it throws, the node may not serve. */
export type ProbeFunction = (node: ProbedNode) => ProbeVerdict | Promise<ProbeVerdict>;
