/** A node's role when the cluster starts. `promote()` and `follow()` change what the node does, but not this word. */
export type NodeRole = 'primary' | 'replica';

/** `hung`: its processes exist but do nothing. `stopped`: it has no process, whatever ended it. */
export type NodeState = 'running' | 'hung' | 'stopped';

/** What a client needs to reach a node. */
export interface NodeAddress {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  /** PostgreSQL: the superuser. MariaDB: a user who may do everything except write where `read_only` is set. */
  readonly username: string;
  /** Letters and digits, random for each cluster. The server checks it. */
  readonly password: string;
  /** All of the above: `postgres://username:password@host:port/database`, or `mariadb://...`. */
  readonly url: string;
}

/**
 * One server of a test cluster. Calls to a node run one after the other, in the order in which they were made. After
 * `cluster.stop()` every method rejects with a `ClusterStoppedError`.
 */
export interface DatabaseNode extends NodeAddress {
  /**
   * `primary`, `replica-1`, `replica-2`, ... PostgreSQL: also the server's `cluster_name`, and its `application_name` when it
   * replicates. MariaDB: also the name of its `pid_file`; `server_id` is 1, 2, 3, ... in the order of `nodes`, and a new number
   * for each new copy.
   */
  readonly name: string;
  readonly role: NodeRole;
  readonly state: NodeState;

  /**
   * Starts a stopped node on the port that it had, and resolves when it accepts connections. Does nothing while it runs. A
   * primary that was replaced comes back as a second primary, until it is told to `follow()`.
   * @throws NodeStartError with the end of the server's log
   */
  start(): Promise<void>;
  /** Shutdown: the server rolls open transactions back and tells sessions why. If it has not ended after 10 s: `kill()`. */
  stop(): Promise<void>;
  /** Crash: every process ends at once, connections break without notice, and the next start begins with recovery. */
  kill(): Promise<void>;
  /**
   * Freezes every process of the node. Connections stay open and nothing answers, as on a machine that hangs.
   * @throws NodeStateError when the node is stopped
   */
  hang(): Promise<void>;
  /**
   * Ends a `hang()`. The node answers queries that were sent in the meantime. A replica reads what waits in its socket, even if
   * its primary is gone by now.
   */
  resume(): Promise<void>;

  /**
   * Stops applying what is received, which makes lag without waiting. Resolves when the server has confirmed it.
   * @throws NodeStateError when the node is not a running replica
   */
  pauseReplay(): Promise<void>;
  /** Ends a `pauseReplay()`. The node applies what it received in the meantime soon after: see `waitForCatchUp()`. */
  resumeReplay(): Promise<void>;

  /**
   * Makes a replica a primary: it applies all that it has received, and accepts writes when this resolves. PostgreSQL begins a new
   * timeline. The other replicas go on following the node that they followed.
   * @throws NodeStateError when the node is not a running replica
   */
  promote(): Promise<void>;
  /**
   * Makes the node a replica of `upstream`, and resolves when it streams from it. A running replica is re-pointed without a
   * restart; so is a running former primary of MariaDB. A node that has what `upstream` never had becomes a new copy of
   * `upstream`: it loses what only it had, and its connections break. PostgreSQL also makes every former primary a new copy.
   * @throws NodeStateError when `upstream` is not a running node of the same cluster, or this one is hung or paused
   */
  follow(upstream: DatabaseNode): Promise<void>;

  /**
   * Runs one statement as superuser on a connection of its own and returns the rows. Without `params` it may be several
   * statements. Rejects if it gets no connection within 10 s.
   * @param params the values of `$1`, `$2`, ... (PostgreSQL) or of each `?` (MariaDB)
   */
  query<Row extends object = Record<string, unknown>>(
    sql: string,
    params?: readonly unknown[],
  ): Promise<Row[]>;
  /**
   * Everything that the server has logged since the cluster started. With the setting `log_statement: 'all'` (PostgreSQL) or
   * `general_log: true` (MariaDB), that includes its statements.
   */
  readLog(): Promise<string>;
}

/** A primary with replicas that stream from it, made for tests. */
export interface DatabaseCluster {
  readonly backend: 'embedded' | 'containers';
  /** The node that was the primary at the start. A failover does not change that: find the new primary in `nodes`. */
  readonly primary: DatabaseNode;
  readonly replicas: readonly DatabaseNode[];
  /** The primary and the replicas, in this order. */
  readonly nodes: readonly DatabaseNode[];

  /**
   * Resolves when every running replica has replayed all that its primary had written at the time of the call. Hung, stopped and
   * paused nodes are left out.
   * @param options.timeoutMs default 10000
   * @throws CatchUpError when the time is over, or at once when a replica follows a node that does not run
   */
  waitForCatchUp(options?: { timeoutMs?: number }): Promise<void>;
  /** Ends every node, whatever its state, and removes its files. Later calls return the same promise. */
  stop(): Promise<void>;
  /** `stop()`, for `await using cluster = await startPostgresCluster(...)`. */
  [Symbol.asyncDispose](): Promise<void>;
}
