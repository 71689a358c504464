import type { TlsOptions } from 'node:tls';
import type { DatabaseType } from './database-type.js';
import type { BalancerFunction, BalancerName, TagSet } from '../routing/balancer.js';
import type { RouteFunction } from '../routing/route-query.js';
import type { Consistency, OnBehind, ReadPreference } from '../routing/route.js';
import type { SessionStore } from '../session/session-store.js';
import type { ProbeFunction } from '../topology/probe-function.js';
import type { Discovery, DiscoveryResult } from '../topology/discovery/discovery-loop.js';

/** How to reach one node, as in TypeORM: a `url`, or its parts. */
export interface NodeCredentials {
  /** Such as `postgres://user:password@host:5432/database`. */
  readonly url?: string;
  readonly host?: string;
  readonly port?: number;
  readonly username?: string;
  /** With `pg` also a function that gives it, for passwords that change. It is called for each new connection. */
  readonly password?: string | (() => string) | (() => Promise<string>);
  readonly database?: string;
  /** TLS, as in the driver. */
  readonly ssl?: boolean | TlsOptions;
  /** The name of the connections in `pg_stat_activity`. */
  readonly applicationName?: string;
  /** Only for MySQL and MariaDB. */
  readonly socketPath?: string;
}

/** One node. */
export type NodeOptions = NodeCredentials & {
  /**
   * A unique name; it stands in headers, events, logs and errors, and must mean the same server in all instances.
   * Default `'primary'`, and a replica's address.
   */
  readonly name?: string;
  /**
   * The node's share of the reads, relative to the other replicas. A node of weight 0 answers only reads that ask for it
   * by name, by tags or by a table rule. From 0; default 1.
   */
  readonly weight?: number;
  /** Where the node stands, for example `'eu-west-1a'`: for the balancer `'nearest'` and `@UseReplica({ region })`. */
  readonly region?: string;
  /** Labels for `@UseReplica({ tags })`, for example `{ usage: 'reporting' }`. */
  readonly tags?: TagSet;
  /** The connections to this node. What it sets takes precedence over the option `pool`. */
  readonly pool?: PoolOptions;
  /** The name in the node's TLS certificate, if that is not its host (but an address, say). Has no effect without `ssl`. */
  readonly servername?: string;
  /**
   * `'many'`: behind this address of replicas several servers answer, and each connection may lead to another one: a Kubernetes
   * service, HAProxy, Aurora's reader endpoint. Each server found there becomes a replica of its own, called by this node's
   * name and a hash, with this node's other options. Only for replicas. Default `'one'`.
   */
  readonly servers?: 'one' | 'many';
  /** The most connections to this node, as in TypeORM for MySQL and MariaDB; `pool.size` takes precedence. From 1. */
  readonly poolSize?: number;
};

/**
 * Connections to one node. What is not given comes from the next wider level (node, role, all), then from TypeORM's
 * `extra`, then from its other options.
 */
export interface PoolOptions {
  /** The most connections at once. From 1; default TypeORM's `poolSize`, else 10. */
  readonly size?: number;
  /** An idle connection is closed after this time; 0 means never. Milliseconds, from 0; default 10,000 (MySQL and MariaDB: 60,000). */
  readonly idleTimeoutMs?: number;
  /**
   * The longest wait for a new connection or for a free one. There is always a limit: `connectionTimeoutMillis: 0` in
   * `extra` means this default, too. Milliseconds, from 1; default TypeORM's `connectTimeoutMS` (MySQL and MariaDB: `acquireTimeout`, `connectTimeout`), else 10,000.
   */
  readonly connectTimeoutMs?: number;
  /** A connection is replaced when it reaches this age. Milliseconds, from 1,000; default never. */
  readonly maxLifetimeMs?: number;
  /**
   * Only for MySQL and MariaDB: a connection that has been idle for longer is checked before it is used again, so that no
   * statement meets one that a firewall or the server has closed. With 0 it is checked each time. Milliseconds, from 0; default 30,000.
   */
  readonly checkAfterIdleMs?: number;
  /**
   * The server cancels a statement that runs longer (`statement_timeout`; MariaDB: `max_statement_time`; MySQL:
   * `max_execution_time`, which is for reads only), and a read that has taken so long does not run
   * again elsewhere. Milliseconds, from 1; default the server's.
   */
  readonly statementTimeoutMs?: number;
  /** The name of the connections in `pg_stat_activity` (MySQL: their `program_name`). Default TypeORM's `applicationName`. */
  readonly applicationName?: string;
}

/** The connections to all nodes, and what differs for a role. */
export interface PoolLevels extends PoolOptions {
  /** The connections to the node that is configured as the primary. */
  readonly primary?: PoolOptions;
  /** The connections to each replica. */
  readonly replica?: PoolOptions;
}

/** How many reads the primary takes over at once while no replica may answer them. */
export interface FallbackLimit {
  /** The most reads that run on the primary at once in place of replicas. From 1. */
  readonly maxConcurrent: number;
  /** How long a further read waits for its turn; then it fails with a `NoReplicaError`. Milliseconds, from 0; default 1,000. */
  readonly queueTimeoutMs?: number;
}

/**
 * How many reads may run again, so that a failing cluster does not get more load than a healthy one. A read that may not
 * fails with its first error. So does a read that has taken as long as a statement may by its pool's own limits
 * (`statementTimeoutMs`, or `statement_timeout` and `query_timeout` in `extra`), waiting for connections included.
 */
export interface RetryOptions {
  /** The most retries, as a share of the reads of the last ten seconds. From 0 to 1; default 0.2. */
  readonly ratio?: number;
  /** This many retries a second are allowed in addition, whatever the load. From 0; default 10. */
  readonly minPerSecond?: number;
}

/**
 * Finds the key of the client behind a request. `null`: the client has none. `undefined`: it is not known yet (say, before
 * an authentication guard has run); reads then go to the primary until the handler begins. It is asked again before the
 * session is saved, because a log-in may have changed the key.
 */
export type SessionKey<Context = unknown> = (context: Context) => string | null | undefined;

/** How a client carries its session's token: `cookieToken()`, `headerToken()`, or your own. */
export interface TokenCarrier<Context = unknown> {
  /** The token that came with the request. */
  read(context: Context): string | undefined;
  /** Gives the client a token to send from now on, for `maxAgeMs` milliseconds. Called before the headers leave. */
  write(context: Context, token: string, maxAgeMs: number): void;
}

/** Whom read-your-writes is promised to, and where the state of their sessions is kept. */
export interface SessionOptions<Context = unknown> {
  /** The client's key: `fromCookie('sid')`, `fromHeader('x-session-id')`, or a function of the execution context. */
  readonly key?: SessionKey<Context>;
  /**
   * Where sessions are kept: a `RedisSessionStore`, or any `SessionStore`. The default is for an application that runs in a
   * single process. Default a `MemorySessionStore`.
   */
  readonly store?: SessionStore;
  /**
   * In place of `key` and `store`: the client itself carries its session's state. `cookieToken()` or `headerToken()`,
   * signed with `secrets`.
   */
  readonly token?: TokenCarrier<Context>;
  /**
   * Secrets that sign tokens, also those of `DataSourceRouter.currentToken()`, of at least 32 letters each. The first one
   * signs, and each is accepted. Without any, tokens are not signed, and belong only where no client can write.
   */
  readonly secrets?: readonly string[];
  /** How long the store may take to load or save; a store that takes longer has failed. Milliseconds, from 1; default 250. */
  readonly timeoutMs?: number;
  /**
   * How long a session's position is kept after its last write. At least `maxLagMs` plus one `monitor.intervalMs`: by then
   * every replica that may serve has the write. Milliseconds, from 1; default 30,000.
   */
  readonly ttlMs?: number;
}

/** How a session stays on the primary after a write. */
export interface StickyOptions {
  /**
   * With `'position'` a session reads from the primary until a replica has replayed its write. With `'time'` it does so
   * for `windowMs`, whatever the replicas have replayed; this is for comparison, and for databases that tell no position,
   * and promises nothing where the lag exceeds the window. Default `'position'`.
   */
  readonly mode?: 'position' | 'time';
  /** How long a session stays on the primary with mode `'time'`. Milliseconds, from 1; default 2,000. */
  readonly windowMs?: number;
}

/** What one look found: the replicas there are, and after how long to look again. */
export type FoundReplicas = DiscoveryResult<NodeOptions>;

/**
 * Finds the replicas while the application runs: `discoverReplicas()`, `dnsReplicas()`, or your own. If a node is given by
 * its `host`, its user, password, database and `ssl` are the primary's unless the node says otherwise. Without a name it is
 * called by its host and port.
 */
export type ReplicaDiscovery = Discovery<NodeOptions>;

/** How nodes are watched. */
export interface MonitorOptions {
  /** The time between two probes of a node. Milliseconds, from 10; default 1,000. */
  readonly intervalMs?: number;
  /** A probe that takes longer has failed, and its node is down. Milliseconds, from 10; default 750. */
  readonly probeTimeoutMs?: number;
  /** The time between two probes of a replica while a session waits for it to catch up. Milliseconds, from 1; default 20. */
  readonly catchUpIntervalMs?: number;
  /**
   * The time between two probes of a node to which a statement has lost its connection, until two in a row succeed. After
   * the primary has gone down it is also the time between two probes of all nodes, and grows from there to `intervalMs`.
   * Milliseconds, from 10; default 100.
   */
  readonly suspectIntervalMs?: number;
  /**
   * The time between two probes of a replica that stays down while another one is up doubles from `intervalMs` up to this.
   * When one comes back, the others are probed at once. At least `intervalMs`. Milliseconds, from 10; default twice
   * `intervalMs`.
   */
  readonly maxIntervalMs?: number;
  /**
   * A replica that goes down within this time after its return must answer probes for `intervalMs` before it serves again,
   * the next time for twice as long, and so on up to this time, give or take a quarter. With 0 it serves at once each time.
   * Milliseconds, from 0; default 30,000.
   */
  readonly flapWindowMs?: number;
  /**
   * Your own probe of a node, for example
   * `async ({ role, query }) => role === 'primary' || (await query('SELECT ...')).length > 0`. It runs after the built-in
   * probe each time, on the same connection and within the same `probeTimeoutMs`, and on the primary also when the position
   * of a write is learned: keep it to one cheap statement. If it returns `false`, throws, or does not answer in time, the
   * node is down, and its status shows why (with an error's message as it is). `{ lagMs }` says that the node's data is at
   * least so old. Where the server tells neither position nor age (a binary log that is off, ...), nodes serve only with such a probe; then
   * reads go by age, and a session stays on the primary for `session.ttlMs` after a write.
   */
  readonly probe?: ProbeFunction;
}

/** What this library adds to TypeORM's options. */
export interface RoutingOptions<Context = unknown> {
  /** The data source's name, as in `TypeOrmModule`. Default `'default'`. */
  readonly name?: string;
  /** The node that takes writes. TypeORM's `replication.master` works, too, and so does `url` or `host` at the top. */
  readonly primary?: NodeOptions;
  /** The nodes that only answer reads. TypeORM's `replication.slaves` works, too. Without any, everything goes to the primary. */
  readonly replicas?: readonly NodeOptions[];
  /**
   * Finds the replicas while the application runs, in place of `replicas`: `discoverReplicas()`, `dnsReplicas()`, or your
   * own. The start waits at most a second for the first answer; until there is one, everything goes to the primary. While a
   * discovery fails or finds none, the replicas known before stay.
   */
  readonly discovery?: ReplicaDiscovery;
  /**
   * How long statements may go on running on a replica that leaves (`router.setReplicas()`, `discovery`); after that their
   * connections are cut. Milliseconds, from 0; default 30,000.
   */
  readonly drainTimeoutMs?: number;
  /** `false` sends everything to the primary, and nothing else changes. Default `true`. */
  readonly enabled?: boolean;
  /** Where the reads of a request go that no decorator decides. With `'primary'` only `@UseReplica()` reads from replicas. Default `'replica'`. */
  readonly defaultReadPreference?: ReadPreference;
  /** How fresh reads are that no decorator decides. Default `'session'`. */
  readonly defaultConsistency?: Consistency;
  /** The greatest age of the data for `bounded` reads that do not name one. Milliseconds, from 1; default 5,000. */
  readonly maxStalenessMs?: number;
  /** A replica whose data may be older serves nobody. Milliseconds, from 1; default 10,000. */
  readonly maxLagMs?: number;
  /**
   * From this lag on a replica gets half of its share, and the event `lag:high` fires. At most `maxLagMs`. Milliseconds,
   * from 1; default half of `maxLagMs`.
   */
  readonly warnLagMs?: number;
  /**
   * Keep at least this many replicas in rotation beyond `maxLagMs`, the freshest first, up to `hardMaxLagMs`. What a
   * session has written or seen, and `maxStalenessMs`, hold all the same. From 0; default 0.
   */
  readonly minServing?: number;
  /**
   * For `minServing`: a replica whose data may be older serves nobody. At least `maxLagMs`, and at most the default.
   * Milliseconds, from 1; default `session.ttlMs` minus `monitor.intervalMs`.
   */
  readonly hardMaxLagMs?: number;
  /**
   * What a read of consistency `session` does while no replica has replayed what its session has seen: it goes to the
   * primary, or waits up to `catchUpTimeoutMs` for a replica first. Default `'primary'`.
   */
  readonly onBehind?: OnBehind;
  /**
   * The longest wait with `onBehind: 'wait'`. Without that, the longest wait of the one read by which a session returns to
   * its replica if it reads more often than the replica lags. Milliseconds, from 1; default 500.
   */
  readonly catchUpTimeoutMs?: number;
  /**
   * What happens to reads while no replica may answer: they go to the primary, they go there with a limit on how many run
   * at once, or they fail (`'error'`: a `NoReplicaError`). Default `'primary'`.
   */
  readonly fallback?: 'primary' | 'error' | FallbackLimit;
  /** Which of several replicas answers a read that belongs to no session. Default `'least-busy'`. */
  readonly balancer?: BalancerName | BalancerFunction;
  /** Where this application runs: for the balancer `'nearest'`. */
  readonly region?: string;
  /** The connections to all nodes. A node's own `pool` takes precedence, and both override TypeORM's `poolSize` and `extra`. */
  readonly pool?: PoolLevels;
  /** Limits how many reads run again on another node. */
  readonly retries?: RetryOptions;
  /**
   * How long a statement that needs the primary waits while there is none, for it to return or for a replica to be
   * promoted. With 0 it fails at once with a `PrimaryUnavailableError`. It then goes to whichever node is the primary.
   * Nothing that was sent is sent again unless it only reads. Without replicas nobody watches the primary, and nothing
   * waits. Milliseconds, from 0; default 0.
   */
  readonly primaryWaitMs?: number;
  /**
   * With `true` the application starts although the primary is down, and reads from replicas; once there is a primary it
   * writes, without a restart. Not with `synchronize`, `migrationsRun` or `dropSchema`, which need the primary
   * (`StartNeedsPrimaryError`), nor without any replica that answers (`NoNodeError`). Default `false`.
   */
  readonly startWithoutPrimary?: boolean;
  /**
   * Where statements on a table go: `'primary'`, or a replica's name. Keys are `table` or `schema.table`. In a join the
   * strictest rule holds. Writes go to the primary whatever a rule says.
   */
  readonly tables?: Readonly<Record<string, string>>;
  /** A function that has the last word on a read: it returns a node's name, or `undefined` to leave the read as decided. */
  readonly route?: RouteFunction;
  /** Whom read-your-writes is promised to, and where the state of their sessions is kept. */
  readonly session?: SessionOptions<Context>;
  /** How a session stays on the primary after a write. */
  readonly sticky?: StickyOptions;
  /** How nodes are watched. */
  readonly monitor?: MonitorOptions;
  /**
   * Reads outside transactions that are known to be fast share connections of the same `poolSize`: the client sends each at
   * once, and the server answers in turn. On PostgreSQL it needs `pg` 8.23, and has no effect with `extra.query_timeout` or
   * `extra.maxUses`.
   * `false`, for example behind a pooler that takes one statement at a time, gives each read a connection to itself.
   * Default `true`.
   */
  readonly lanes?: boolean;
  /**
   * Statements on lanes are prepared, at most 100 on each connection; on PostgreSQL also writes with values outside transactions.
   * `false` is for a pooler that cannot pass that on.
   * Default `true`.
   */
  readonly prepare?: boolean;
  /** A statement is prepared from this use of its text on. Small numbers save time, large ones the server's memory. From 1; default 5. */
  readonly prepareAfter?: number;
  /**
   * Counts statements by their texts without literals and parameters, for `router.stats().patterns`: how many, where, why and how fast.
   * Default `true`.
   */
  readonly patterns?: boolean;
}

/** TypeORM's `replication`. What only MySQL and MariaDB have is optional. */
export interface GivenReplication {
  readonly master: NodeOptions;
  readonly slaves: readonly NodeOptions[];
  readonly defaultMode?: 'master' | 'slave';
  readonly selector?: 'RR' | 'RANDOM' | 'ORDER';
  readonly defaultSelector?: 'RR' | 'RANDOM' | 'ORDER';
  readonly canRetry?: boolean;
  readonly removeNodeErrorCount?: number;
  readonly restoreNodeTimeout?: number;
}

/** What is read of the options of a data source or pool, whatever else they hold. */
export type GivenOptions<Context = unknown> = RoutingOptions<Context> &
  NodeCredentials & { readonly type: DatabaseType; readonly replication?: GivenReplication };
