import type { DataSourceOptions } from 'typeorm';
import type { BalancerFunction, BalancerName, TagSet } from '../routing/balancer.js';
import type { RouteFunction } from '../routing/route-function.js';
import type { Consistency, OnBehind, ReadPreference } from '../routing/route.js';
import type { SessionStore } from '../session/session-store.js';
import type { ProbeFunction } from '../topology/probe-function.js';
import type { Discovery, DiscoveryResult } from '../topology/discovery/discovery.js';

/** TypeORM's own options for PostgreSQL. */
export type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>;

/** How to reach one node, as in TypeORM: a `url`, or its parts. */
export type NodeCredentials = NonNullable<PostgresOptions['replication']>['master'];

/** One node. */
export type NodeOptions = NodeCredentials & {
  /** Unique; stands in headers, events, logs and errors. Default: `primary`; of a replica its address. */
  readonly name?: string;
  /**
   * Its share of the reads beside the other replicas': from 0, default 1. A node of weight 0 answers only reads that ask
   * for it by name, tags or a table rule.
   */
  readonly weight?: number;
  /** Where it stands, e.g. `eu-west-1a`: for the balancer `nearest` and `@UseReplica({ region })`. */
  readonly region?: string;
  /** Labels for `@UseReplica({ tags })`, e.g. `{ usage: 'reporting' }`. */
  readonly tags?: TagSet;
  /** The connections to this node; goes before `pool` of the options. */
  readonly pool?: PoolOptions;
  /** The name in its TLS certificate, where that is not its host (an address, say). Says nothing without `ssl`. */
  readonly servername?: string;
};

/**
 * Connections to one node. What is not given comes from the next wider level (node, role, all), then from TypeORM's
 * `extra`, then from its other options.
 */
export interface PoolOptions {
  /** Connections at most; from 1. Default TypeORM's `poolSize`, else 10. */
  readonly size?: number;
  /** An idle connection is closed after so long; milliseconds, 0 is never. Default 10,000. */
  readonly idleTimeoutMs?: number;
  /**
   * To connect, or to wait for a free connection; milliseconds, from 1. Default TypeORM's `connectTimeoutMS`, else 10,000.
   * There is always a limit: `connectionTimeoutMillis: 0` in `extra` is this default, too.
   */
  readonly connectTimeoutMs?: number;
  /** A connection is replaced when it is so old; milliseconds, from 1,000. Default: never. */
  readonly maxLifetimeMs?: number;
  /**
   * The server cancels a statement that runs longer (`statement_timeout`); milliseconds, from 1. Default: the server's. A
   * read that has taken so long is not begun again elsewhere.
   */
  readonly statementTimeoutMs?: number;
  /** As which the connections show in `pg_stat_activity`. Default TypeORM's `applicationName`. */
  readonly applicationName?: string;
}

/** Connections of all nodes, and what differs for a role. */
export interface PoolLevels extends PoolOptions {
  /** Of the node that is configured as the primary. */
  readonly primary?: PoolOptions;
  /** Of the replicas. */
  readonly replica?: PoolOptions;
}

/** How many reads the primary takes over at once while no replica may answer them. */
export interface FallbackLimit {
  /** Such reads at once; from 1. */
  readonly maxConcurrent: number;
  /** How long one more waits for its turn, milliseconds, 0 is not at all; then it is a `NoReplicaError`. Default 1,000. */
  readonly queueTimeoutMs?: number;
}

/**
 * How many reads may be tried again, so that a failing cluster does not get more load than a healthy one. A read that may
 * not fails with its first error. So it does when it has taken as long as a statement may by its pool's own limits
 * (`statementTimeoutMs`, or `statement_timeout` and `query_timeout` in `extra`), the waiting for connections included.
 */
export interface RetryOptions {
  /** Tries in addition, as a share of the reads of the last ten seconds; from 0 to 1. Default 0.2. */
  readonly ratio?: number;
  /** And so many each second whatever the load; from 0. Default 10. */
  readonly minPerSecond?: number;
}

/**
 * Finds the key of the client behind a request. `null`: it has none. `undefined`: not known yet (say, before an
 * authentication guard has run); until the handler begins, reads then go to the primary. Asked again before
 * the session is saved: a log-in may have changed it.
 */
export type SessionKey<Context = unknown> = (context: Context) => string | null | undefined;

/** How a client carries its session's token: `cookieToken()`, `headerToken()`, or your own. */
export interface TokenCarrier<Context = unknown> {
  /** The token that came with the request. */
  read(context: Context): string | undefined;
  /** Gives the client a token to send from now on, for `maxAgeMs` milliseconds. Called before the headers leave. */
  write(context: Context, token: string, maxAgeMs: number): void;
}

/** Whom read-your-writes is promised to, and where that is kept. */
export interface SessionOptions<Context = unknown> {
  /** The client's key: `fromCookie('sid')`, `fromHeader('x-session-id')`, or a function of the execution context. */
  readonly key?: SessionKey<Context>;
  /** Instead of a key and a store: the client carries its session's state itself, signed. Needs `secrets`. */
  readonly token?: TokenCarrier<Context>;
  /**
   * Sign tokens, also those of `DataSourceRouter.currentToken()`: the first signs, each is accepted. At least 32 letters
   * each. Without any, tokens are not signed, and belong only where no client can write.
   */
  readonly secrets?: readonly string[];
  /** How long the store may take to load or save; milliseconds, from 1. Then it counts as failed. Default 250. */
  readonly timeoutMs?: number;
  /** Where sessions are kept. Default: a `MemorySessionStore`, for one application instance. */
  readonly store?: SessionStore;
  /**
   * How long a session's position is kept after its last write, in milliseconds. At least `maxLagMs` plus one
   * `monitor.intervalMs`: by then every replica that may serve contains the write. Default 30,000.
   */
  readonly ttlMs?: number;
}

/** How a session is kept on the primary after a write. */
export interface StickyOptions {
  /**
   * `position`: until a replica has replayed the write. `time`: for `windowMs`, whatever the replicas have replayed; for
   * comparison, and for databases that tell no position: it promises nothing where lag exceeds the window. Default `position`.
   */
  readonly mode?: 'position' | 'time';
  /** For `time`: milliseconds, from 1. Default 2,000. */
  readonly windowMs?: number;
}

/** What one look found: the replicas there are, and after how long to look again. */
export type FoundReplicas = DiscoveryResult<NodeOptions>;

/**
 * Finds the replicas while the application runs: `discoverReplicas()`, `dnsReplicas()`, or your own. What a node given by
 * its `host` does not say of user, password, database and `ssl` is as for the primary; without a name it is called by its
 * host and port.
 */
export type ReplicaDiscovery = Discovery<NodeOptions>;

/** How nodes are watched; milliseconds. */
export interface MonitorOptions {
  /** Between two probes of a node. From 10, default 1,000. */
  readonly intervalMs?: number;
  /** A probe that takes longer has failed, and its node is down. From 10, default 750. */
  readonly probeTimeoutMs?: number;
  /** Between two probes of a replica while a session waits for it to catch up. From 1, default 20. */
  readonly catchUpIntervalMs?: number;
  /**
   * Between two probes of a node to which a statement has lost its connection, until two in a row have succeeded; and of
   * all nodes when the primary has gone down, from where it grows to `intervalMs`. From 10, default 100.
   */
  readonly suspectIntervalMs?: number;
  /**
   * Between two probes of a replica that stays down while another one is up: doubles from `intervalMs` up to this. When
   * one comes back, the others are probed at once. From `intervalMs`, default twice that.
   */
  readonly maxIntervalMs?: number;
  /**
   * A replica that goes down so soon after it came back returns later: it has to answer for `intervalMs` without fail, the
   * next time twice as long, and so on up to this, give or take a quarter. 0 is at once each time. Default 30,000.
   */
  readonly flapWindowMs?: number;
  /**
   * Your own probe of a node, e.g. `async ({ role, query }) => role === 'primary' || (await query('SELECT ...')).length > 0`.
   * Runs each time after the built-in one, on the same connection and within the same `probeTimeoutMs`, also on the
   * primary when the position of a write is learned: keep it to one cheap statement. `false`, an error or no answer in
   * time: the node is down, with the reason in its status (an error's message is shown as it is). `{ lagMs }`: its data is
   * at least so old. Where the server tells no positions (Aurora), that is needed for nodes to serve at all; then reads go by
   * age, and a session stays on the primary for `session.ttlMs` after a write.
   */
  readonly probe?: ProbeFunction;
}

/** What this library adds to TypeORM's options. */
export interface RoutingOptions<Context = unknown> {
  /** The data source's name, as in `TypeOrmModule`. Default `default`. */
  readonly name?: string;
  /** The node that takes writes. Or give TypeORM's `replication.master`, or `url`/`host` at the top. */
  readonly primary?: NodeOptions;
  /** The nodes that only answer reads. Or give TypeORM's `replication.slaves`. Default none: all goes to the primary. */
  readonly replicas?: readonly NodeOptions[];
  /**
   * Finds the replicas while the application runs, in place of `replicas`: `discoverReplicas()`, `dnsReplicas()`, or your
   * own. The start waits for the first answer, but no longer than a second: until there is one all goes to the primary.
   * While it fails, or finds none, the replicas known before stay.
   */
  readonly discovery?: ReplicaDiscovery;
  /**
   * How long what runs on a replica may go on when it leaves (`router.setReplicas()`, `discovery`); milliseconds, from 0,
   * then it is cut. Default 30,000.
   */
  readonly drainTimeoutMs?: number;
  /** `false`: everything goes to the primary, and nothing else changes. Default `true`. */
  readonly enabled?: boolean;
  /** Where reads in a request go that no decorator decides. Default `replica`. */
  readonly defaultReadPreference?: ReadPreference;
  /** How fresh reads are that no decorator decides. Default `session`. */
  readonly defaultConsistency?: Consistency;
  /** For `bounded` where it is not given there: how old an answer may be, in milliseconds. Default 5,000. */
  readonly maxStalenessMs?: number;
  /** A replica whose data may be older serves nobody; milliseconds, from 1. Default 10,000. */
  readonly maxLagMs?: number;
  /** From this lag on a replica gets half of its share, and `lag:high` is told; milliseconds, at most `maxLagMs`. Default half of that. */
  readonly warnLagMs?: number;
  /**
   * So many replicas go on serving though they lag more than `maxLagMs`, the freshest first, up to `hardMaxLagMs`; from 0.
   * What a session has written or seen, and `maxStalenessMs`, hold all the same. Default 0.
   */
  readonly minServing?: number;
  /**
   * For `minServing`: a replica whose data may be older serves nobody; milliseconds, from `maxLagMs` to
   * `session.ttlMs - monitor.intervalMs`. Default the latter.
   */
  readonly hardMaxLagMs?: number;
  /**
   * What a read of consistency `session` does while no replica has replayed what its session has seen: go to the
   * `primary`, or `wait` up to `catchUpTimeoutMs` for a replica and then go to the primary. Default `primary`.
   */
  readonly onBehind?: OnBehind;
  /** For `onBehind: 'wait'`; milliseconds, from 1. Default 500. */
  readonly catchUpTimeoutMs?: number;
  /**
   * When no replica may answer: the `primary`; the primary, but only so many reads at once; or an `error`
   * (`NoReplicaError`). Default `primary`.
   */
  readonly fallback?: 'primary' | 'error' | FallbackLimit;
  /** Which of several replicas answers a read that belongs to no session. Default `least-busy`. */
  readonly balancer?: BalancerName | BalancerFunction;
  /** Where this application runs: for the balancer `nearest`. */
  readonly region?: string;
  /** The connections to each node. */
  readonly pool?: PoolLevels;
  /** Limits how many reads are tried again on another node. */
  readonly retries?: RetryOptions;
  /**
   * How long a statement that needs the primary waits while there is none, for it to return or a replica to be promoted;
   * milliseconds, 0 is not at all (`PrimaryUnavailableError` at once). It then goes to whichever is the primary. Nothing that
   * was sent is sent again, unless it only reads. Without replicas nobody watches, and nobody waits. Default 0.
   */
  readonly primaryWaitMs?: number;
  /**
   * `true`: the application starts though the primary is down, and reads from replicas; when there is a primary it writes,
   * without a restart. Not with `synchronize`, `migrationsRun` or `dropSchema`, which need the primary
   * (`StartNeedsPrimaryError`), nor without any replica that answers (`NoNodeError`). Default `false`.
   */
  readonly startWithoutPrimary?: boolean;
  /**
   * Where statements on a table go: `primary`, or a replica's name. Keys are `table` or `schema.table`. In a join the
   * strictest rule holds. Writes go to the primary whatever is said here.
   */
  readonly tables?: Readonly<Record<string, string>>;
  /** The last word on a read: a node's name, or `undefined` to leave it as decided. */
  readonly route?: RouteFunction;
  readonly session?: SessionOptions<Context>;
  readonly sticky?: StickyOptions;
  readonly monitor?: MonitorOptions;
  /**
   * Reads outside transactions that are known to be fast share connections, of the same `poolSize`: they are sent at once
   * and answered in turn. Needs `pg` 8.23; without effect with `extra.query_timeout` or `extra.maxUses`. `false`, e.g. behind
   * a pooler that takes one statement at a time: each read has a connection to itself. Default `true`.
   */
  readonly lanes?: boolean;
  /** Statements on lanes are prepared. `false`, e.g. behind a pooler that cannot pass that on: never. Default `true`. */
  readonly prepare?: boolean;
  /** A statement is prepared from this use of its text on; from 1. Fewer save time, more save the server's memory. Default 5. */
  readonly prepareAfter?: number;
}

/**
 * Options of a replicated data source: TypeORM's own for PostgreSQL (entities, migrations, logging, poolSize, ...) and
 * what this library adds. TypeORM's `replication` is accepted as it stands.
 */
export type ReplicaDataSourceOptions<Context = unknown> = Omit<Partial<PostgresOptions>, 'type' | 'driver'> &
  RoutingOptions<Context> & { readonly type: 'postgres' };
