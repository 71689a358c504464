/** How often and how patiently nodes are probed, and how the answers are judged; milliseconds. */
export interface MonitorSettings {
  /** The pause between two probes of a node, give or take a tenth. */
  readonly intervalMs: number;
  /** A probe that takes longer has failed. */
  readonly probeTimeoutMs: number;
  /** The pause between two probes of a replica while a session waits for it to replay a position; grows to `intervalMs`. */
  readonly catchUpIntervalMs: number;
  /** The pause between two probes of a node in doubt, and of every node while somebody waits for a primary. */
  readonly suspectIntervalMs: number;
  /** The longest pause between two probes of a replica that stays down. The pause doubles from `intervalMs` up to this. */
  readonly maxIntervalMs: number;
  /**
   * A replica that goes down this soon after its return has to prove itself before it serves again. The trial lasts
   * `intervalMs` at first, and doubles each time up to this.
   */
  readonly flapWindowMs: number;
  /** A replica with this lag or more is lagging. */
  readonly warnLagMs: number;
  /** A replica whose data is older is too old, until its lag is well below this. */
  readonly maxLagMs: number;
  /** How long to tell of former homes: as long as sessions may remember what they read. */
  readonly homesKeptMs: number;
  readonly terms: DatabaseTerms;
}

/** The database's own words. They stand in the problems that operators read. */
export interface DatabaseTerms {
  /** What it calls an epoch (see `ProbeResult.epoch`). */
  readonly epoch: string;
  /** What it calls the state of a server that refuses writes; follows "it is". */
  readonly readOnly: string;
  /** What an operator does to let every server tell which cluster it belongs to. */
  readonly identityRemedy: string;
}

/** What the monitor takes from outside, such as time and chance. */
export interface MonitorSources {
  /** Milliseconds of a monotonic clock. */
  readonly nowMs: () => number;
  /** From 0 to 1, 1 excluded; spreads the probes of many processes. */
  readonly random: () => number;
  /** Calls a function outside the caller's request, because loops belong to no request. Absent: calls it directly. */
  readonly outside?: <T>(fn: () => T) => T;
  readonly onListenerFailure?: (event: string, error: unknown) => void;
}
