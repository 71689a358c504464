/** How often and how patiently nodes are probed, and what is made of it; milliseconds. */
export interface MonitorSettings {
  /** Between two probes of a node, give or take a tenth. */
  readonly intervalMs: number;
  /** A probe that takes longer has failed. */
  readonly probeTimeoutMs: number;
  /** Between two probes of a replica while a session waits for it to replay a position; grows to `intervalMs`. */
  readonly catchUpIntervalMs: number;
  /** Between two probes of a node that is in doubt, and of all while somebody waits for a primary. */
  readonly suspectIntervalMs: number;
  /** Between two probes of a replica that stays down: doubles from `intervalMs` up to this. */
  readonly maxIntervalMs: number;
  /** A replica that goes down so soon after its return stays out longer each time: from `intervalMs`, doubling, up to this. */
  readonly flapWindowMs: number;
  /** From this lag on a replica is lagging. */
  readonly warnLagMs: number;
  /** A replica whose data is older is too old, until it is well below. */
  readonly maxLagMs: number;
  /** How long sessions may remember what they read: so long former homes are told of. */
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

/** What the monitor takes from outside: time and chance. */
export interface MonitorSources {
  /** Milliseconds of a monotonic clock. */
  readonly nowMs: () => number;
  /** From 0 up to 1, to spread the probes of many processes. */
  readonly random: () => number;
  /** Calls a function apart from whoever asked for it: what a loop does is none of its business. As it is, where absent. */
  readonly outside?: <T>(fn: () => T) => T;
  /** A listener to this event failed. */
  readonly onListenerFailure?: (event: string, error: unknown) => void;
}
