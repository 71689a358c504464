/** A right that the user of the command lacks. */
export interface MissingRight {
  /** What cannot be told, or done, without it. */
  readonly effect: string;
  /** What an administrator does about it. */
  readonly remedy: string;
}

/** Who follows a primary, as the primary tells. */
export interface Follower {
  readonly names: readonly string[];
  readonly host: string | null;
  readonly state: string | null;
  readonly syncState: string | null;
}

/** A read or transaction for which a replica's replay waits. */
export interface BlockingReader {
  readonly pid: number;
  /** How long its transaction has been open; milliseconds. */
  readonly openMs: number;
}

/** A transaction for whose locks others wait. */
export interface LockHolder {
  readonly pid: number;
  /** How long it has been open; milliseconds. */
  readonly openMs: number;
  /** What its connection does, in the server's own word, such as `idle in transaction`. */
  readonly state: string;
  /** How many connections wait for it. */
  readonly waiting: number;
}

/** What a server tells of itself, apart from what each probe of the library asks. */
export interface NodeFacts {
  readonly version: string;
  /** Now, by its own clock; milliseconds since the epoch. */
  readonly nowMs: number;
  /** When the last transaction that it has replayed was committed, by the clock of the server that wrote it; `null`: it does not tell. */
  readonly replayedAtMs: number | null;
  /** How far it believes to be behind; milliseconds. `null`: it does not tell. */
  readonly ownLagMs: number | null;
  /** Its replay was paused by somebody; with what ends that. */
  readonly pausedUntil: string | null;
  /** Its replay waits for somebody who reads there, and who that is; `null`: it does not, or does not tell. */
  readonly replayWaitsFor: BlockingReader | null;
  /** Of a primary: the transaction for which most others wait; `null`: there is none, or it does not tell. */
  readonly lockHolder: LockHolder | null;
  /** How its primary waits for it, in the server's own word; `null`: only the primary tells. */
  readonly syncState: string | null;
  readonly connections: ConnectionLimits;
  readonly missingRights: readonly MissingRight[];
  readonly settings: Readonly<Record<string, string>>;
  /** What deserves a thought, and is no fault. */
  readonly hints: readonly string[];
  /** Of a primary: who follows it; empty if it does not tell. */
  readonly followers: readonly Follower[];
  /** The names under which its primary may know it, the surest first. */
  readonly names: readonly string[];
  /** Its address as the server sees it; `null`: not over a network. */
  readonly host: string | null;
}

export interface ConnectionLimits {
  /** Connections that are open now, of all clients. */
  readonly used: number;
  /** The most that clients who are no administrators may open. */
  readonly max: number;
  /** What sets that limit. */
  readonly limitedBy: string;
}

/** The least of several limits. `undefined` and anything that is no positive number is no limit. */
export function leastLimit(
  limits: readonly (readonly [name: string, limit: unknown])[],
): Pick<ConnectionLimits, 'max' | 'limitedBy'> {
  const given = limits.filter(([, limit]) => Number(limit) > 0);
  const [limitedBy, limit] = given.toSorted(([, a], [, b]) => Number(a) - Number(b))[0] ?? ['', Infinity];
  return { max: Number(limit), limitedBy };
}
