/** How often and how patiently nodes are probed; milliseconds. */
export interface MonitorSettings {
  /** Between two probes of a node, give or take a tenth. */
  readonly intervalMs: number;
  /** A probe that takes longer has failed. */
  readonly probeTimeoutMs: number;
  /** Between two probes of a replica while a session waits for it to replay a position; grows to `intervalMs`. */
  readonly catchUpIntervalMs: number;
  /** How long sessions may remember what they read: so long former homes are told of. */
  readonly homesKeptMs: number;
}

/** What the monitor takes from outside: time and chance. */
export interface MonitorSources {
  /** Milliseconds of a monotonic clock. */
  readonly nowMs: () => number;
  /** From 0 up to 1, to spread the probes of many processes. */
  readonly random: () => number;
  /** A listener to this event failed. */
  readonly onListenerFailure?: (event: string, error: unknown) => void;
}
