/** A node's part in replication when the cluster starts; `promote()` and `follow()` change what it does, not this word. */
export type PostgresNodeRole = 'primary' | 'replica';

/** `hung`: its processes exist and do nothing. `stopped`: it has no process, whatever ended it. */
export type PostgresNodeState = 'running' | 'hung' | 'stopped';

/** What a client needs to reach a node. */
export interface PostgresAddress {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly username: string;
  /** Random for each cluster, made of letters and digits; checked by the server (scram-sha-256). */
  readonly password: string;
  /** All of the above as `postgres://username:password@host:port/database`. */
  readonly url: string;
}

/**
 * One PostgreSQL server of a test cluster. Calls to one node run one after the other, in the order in which they were made.
 * After `cluster.stop()` each method rejects with `ClusterStoppedError`.
 */
export interface PostgresNode extends PostgresAddress {
  /** `primary`, `replica-1`, `replica-2`, ...: also the server's `cluster_name` and its `application_name` when it replicates. */
  readonly name: string;
  readonly role: PostgresNodeRole;
  readonly state: PostgresNodeState;

  /**
   * Starts a stopped node on the port it had; resolves when it accepts connections. Does nothing while it runs.
   * A primary that was replaced comes back as what it was: a second primary, until it is told to `follow()`.
   * @throws NodeStartError with the end of the server's log
   */
  start(): Promise<void>;
  /** Fast shutdown: open transactions are rolled back, sessions are told why. After 10 s without effect: `kill()`. */
  stop(): Promise<void>;
  /** Crash: every process ends at once, connections break without a word, and the next start begins with recovery. */
  kill(): Promise<void>;
  /**
   * Freezes every process of the node: connections stay open and nothing answers, as on a machine that hangs.
   * @throws NodeStateError when the node is stopped
   */
  hang(): Promise<void>;
  /**
   * Ends a `hang()`: queries that were sent meanwhile are answered, and a replica reads the WAL that waits in its socket, even of a
   * primary that is gone by now.
   */
  resume(): Promise<void>;

  /**
   * Stops applying received WAL; resolves when the server says that it did. Makes lag without waiting.
   * @throws NodeStateError when the node is not a running replica
   */
  pauseReplay(): Promise<void>;
  /** Ends a `pauseReplay()`. What was received meanwhile is applied soon after: see `waitForCatchUp()`. */
  resumeReplay(): Promise<void>;

  /**
   * Makes a replica a primary on a new timeline; resolves when it accepts writes. The other replicas keep following whom they
   * followed.
   * @throws NodeStateError when the node is not a running replica
   */
  promote(): Promise<void>;
  /**
   * Makes the node a replica of `upstream` and resolves when it streams from it. A running replica is re-pointed without a
   * restart. A node that was a primary, or has replayed what `upstream` never had, is replaced by a new copy of `upstream`: what
   * only it had is gone, and its connections break.
   * @throws NodeStateError when `upstream` is not a running node of the same cluster, or this one is hung or paused
   */
  follow(upstream: PostgresNode): Promise<void>;

  /** Runs one statement on a connection of its own and returns the rows. Rejects when no connection is had within 10 s. */
  query<Row extends object = Record<string, unknown>>(
    sql: string,
    params?: readonly unknown[],
  ): Promise<Row[]>;
  /** All that the server has logged since the cluster was started; with `log_statement = 'all'`, the statements it received. */
  readLog(): Promise<string>;
}

/** A primary with streaming replicas, made for tests. */
export interface PostgresCluster {
  readonly backend: 'embedded' | 'containers';
  /** The node that was the primary at the start. After a failover it is still this node: ask `nodes` for the new one. */
  readonly primary: PostgresNode;
  readonly replicas: readonly PostgresNode[];
  /** The primary and the replicas, in this order. */
  readonly nodes: readonly PostgresNode[];

  /**
   * Resolves when every running replica whose replay is not paused has replayed all that its primary had written when this was
   * called. Hung and stopped nodes are left out.
   * @param options.timeoutMs default 10000
   * @throws CatchUpError when the time is over, or at once when a replica follows a node that does not run
   */
  waitForCatchUp(options?: { timeoutMs?: number }): Promise<void>;
  /** Ends every node, whatever state it is in, and removes its files. Later calls return the same promise. */
  stop(): Promise<void>;
  /** `stop()`, for `await using cluster = await startPostgresCluster(...)`. */
  [Symbol.asyncDispose](): Promise<void>;
}
