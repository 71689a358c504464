/** One thing that is wrong with the options. */
export interface ClusterOptionProblem {
  /** Where: `replicas`, `settings.port`, ... */
  readonly path: string;
  /** The value if it is a number or a switch, else only its type. */
  readonly received: string;
  /** What would have been right. */
  readonly expected: string;
}

/** The options of a cluster are wrong. It lists all problems. */
export class InvalidClusterOptionsError extends Error {
  override readonly name = 'InvalidClusterOptionsError';
  readonly code = 'REPLICA_TEST_CLUSTER_OPTIONS_INVALID';

  constructor(
    taker: string,
    readonly problems: readonly ClusterOptionProblem[],
  ) {
    super(
      `${taker}() got options that it cannot use:\n` +
        problems.map((it) => `  ${it.path}: expected ${it.expected}, got ${it.received}`).join('\n'),
    );
  }
}

/** The chosen backend cannot be used here. `reasons` says why, for each backend that was tried, and what to do. */
export class ClusterBackendUnavailableError extends Error {
  override readonly name = 'ClusterBackendUnavailableError';
  readonly code = 'REPLICA_TEST_CLUSTER_BACKEND_UNAVAILABLE';

  constructor(
    readonly backend: string,
    readonly reasons: readonly string[],
    options?: ErrorOptions,
  ) {
    super(
      `No database for tests (backend '${backend}'):\n${reasons.map((it) => `  ${it}`).join('\n')}`,
      options,
    );
  }
}

/** PostgreSQL refuses to run as root, and there is no other user to run it as. */
export class PostgresUserNotFoundError extends Error {
  override readonly name = 'PostgresUserNotFoundError';
  readonly code = 'REPLICA_TEST_CLUSTER_USER_NOT_FOUND';

  constructor(readonly candidates: readonly string[]) {
    super(
      `PostgreSQL does not run as root, and /etc/passwd has none of the users ${candidates.join(', ')}: ` +
        'add one (useradd --system postgres), or run the tests as a normal user',
    );
  }
}

/** A node did not start, or did not begin to replicate. */
export class NodeStartError extends Error {
  override readonly name = 'NodeStartError';
  readonly code = 'REPLICA_TEST_CLUSTER_NODE_START_FAILED';

  constructor(
    readonly node: string,
    readonly reason: string,
    /** The last lines of the server's log. */
    readonly logTail: string,
  ) {
    super(`${node} did not start: ${reason}\nThe end of its log:\n${logTail.trim() || '(empty)'}`);
  }
}

/** The node's state does not allow this call. */
export class NodeStateError extends Error {
  override readonly name = 'NodeStateError';
  readonly code = 'REPLICA_TEST_CLUSTER_NODE_STATE';

  constructor(
    readonly node: string,
    readonly action: string,
    readonly reason: string,
  ) {
    super(`${node} cannot ${action}: ${reason}`);
  }
}

/** The replicas did not reach the primary's position. */
export class CatchUpError extends Error {
  override readonly name = 'CatchUpError';
  readonly code = 'REPLICA_TEST_CLUSTER_CATCH_UP';

  constructor(
    readonly node: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`${node} did not catch up: ${reason}`, options);
  }
}

/** The cluster was stopped before or during the call. */
export class ClusterStoppedError extends Error {
  override readonly name = 'ClusterStoppedError';
  readonly code = 'REPLICA_TEST_CLUSTER_STOPPED';

  constructor(readonly node: string) {
    super(`${node} is gone: its cluster was stopped`);
  }
}
