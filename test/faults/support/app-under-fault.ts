/** What the monitor shows of a node: it is down; it may not serve, for whatever reason; it is writable and may not be. */
export type Notice = 'down' | 'ineligible' | 'fenced';

/** From when on what counts; as of `nowMs()`. */
export interface ReportInstants {
  readonly faultMs: number;
  /** Reads that began before it may have failed. */
  readonly readsDueMs: number;
  /** Writes that began before it may have failed. */
  readonly writesDueMs: number;
}

/** What an application's clients met with. */
export interface LoadReport {
  readonly reads: number;
  readonly writes: number;
  readonly failedReads: number;
  readonly failedWrites: number;
  readonly staleOwnReads: number;
  readonly nonMonotonicReads: number;
  /** Of reads that were answered after the fault began; milliseconds. */
  readonly readP99Ms: number;
  readonly longestReadMs: number;
  /** How many calls failed for each reason. */
  readonly errors: Readonly<Record<string, number>>;
  /** How many reads were routed for each reason; empty without a router. */
  readonly reasons: Readonly<Record<string, number>>;
  /** How often a node failed a statement, for each reason, whatever was done about it; empty without a router. */
  readonly nodeErrors: Readonly<Record<string, number>>;
  /** How many reads failed, by `reason of their route: error code`; empty without a router. */
  readonly readFailures: Readonly<Record<string, number>>;
}

/** An application under load, in this process or in another one. Instants as of `nowMs()`, time-outs in milliseconds. */
export interface AppUnderFault {
  startLoad(): Promise<void>;
  /** From now on so many callers ask for reports that take so long, each again and again. */
  occupy(callers: number, ms: number): Promise<void>;
  /** They ask for no more; resolves when the last report has ended. */
  release(): Promise<void>;
  /** When the monitor shows it of all these nodes; `null`: not in time, or there is no monitor. */
  noticed(notice: Notice, nodes: readonly string[], timeoutMs: number): Promise<number | null>;
  /** When all of these nodes had answered reads that began after this call; `null`: not in time. */
  served(nodes: readonly string[], timeoutMs: number): Promise<number | null>;
  /** When a write of the load had succeeded that began after an instant; `null`: not in time. */
  wrote(sinceMs: number, timeoutMs: number): Promise<number | null>;
  /** Nothing above these versions (row, version) is left; returns how many acknowledged writes are lost by that. */
  historyEnded(versions: readonly (readonly [number, number])[]): Promise<number>;
  /** Resolves when the last call has ended. */
  stopLoad(): Promise<void>;
  report(instants: ReportInstants): Promise<LoadReport>;
  /** Ends the application; tells what it has left behind in its process. */
  close(): Promise<{ leakedListeners: number; leakedSockets: number }>;
}
