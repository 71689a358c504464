export type { ReplicaModuleForDataSourceSettings } from './nest/existing-data-source.js';
export { ReplicaModule } from './nest/replica.module.js';
export type {
  ReplicaModuleAsyncOptions,
  ReplicaModuleFactoryOptions,
  ReplicaModuleOptions,
  ReplicaOptionsFactory,
} from './nest/replica-module-options.js';
export { getDataSourceRouterToken, InjectDataSourceRouter } from './nest/replica-tokens.js';
export { RoutingInterceptor } from './nest/routing.interceptor.js';
export { fromCookie, fromHeader } from './nest/key-resolvers.js';
export { cookieToken, headerToken, type CookieTokenOptions } from './nest/token-carriers.js';
export { StickyPrimaryGuard } from './nest/sticky-primary.guard.js';
export {
  ForcePrimary,
  UseReplica,
  type ForcePrimaryOptions,
  type UseReplicaOptions,
} from './nest/routing.decorators.js';
export { SyncWrite, type SyncWriteOptions } from './nest/sync-write.decorator.js';
export { WithToken, type WithTokenOptions } from './nest/with-token.decorator.js';
export { InvalidReplicaOptionsError } from './errors/invalid-options.error.js';
export type { DatabaseType } from './options/database-type.js';
export { replicaOptionsFromEnv, type OptionsFromEnv } from './options/options-from-env.js';
export type {
  FallbackLimit,
  FoundReplicas,
  MonitorOptions,
  NodeOptions,
  PoolLevels,
  PoolOptions,
  ReplicaDiscovery,
  RetryOptions,
  RoutingOptions,
  SessionKey,
  SessionOptions,
  StickyOptions,
  TokenCarrier,
} from './options/replica-options.js';
export type { ReplicaDataSourceOptions } from './options/typeorm-options.js';
export { DURABILITIES, type Durability } from './routing/durability.js';
export { DurabilityDowngradedError } from './errors/durability-downgraded.error.js';
export {
  DurabilityUnavailableError,
  type DurabilityObstacle,
} from './errors/durability-unavailable.error.js';
export { DriverNotInstalledError } from './errors/driver-not-installed.error.js';
export { CommitOutcomeUnknownError } from './errors/commit-outcome-unknown.error.js';
export { NoNodeError } from './errors/no-node.error.js';
export { NoReplicaError } from './errors/no-replica.error.js';
export { NodeCrashedError } from './errors/node-crashed.error.js';
export { NodeUnavailableError } from './errors/node-unavailable.error.js';
export { PoolExhaustedError } from './errors/pool-exhausted.error.js';
export { PrimaryUnavailableError } from './errors/primary-unavailable.error.js';
export { StartNeedsPrimaryError } from './errors/start-needs-primary.error.js';
export { TransactionLostError } from './errors/transaction-lost.error.js';
export { UnboundTransactionError } from './errors/unbound-transaction.error.js';
export { WriteNotVisibleError } from './errors/write-not-visible.error.js';
export { WritePreventedError } from './errors/write-prevented.error.js';
export {
  BALANCERS,
  type BalancerFunction,
  type BalancerName,
  type BalancerNode,
  type NodeLoad,
  type TagSet,
} from './routing/balancer.js';
export { InvalidChoiceError, type Chooser } from './errors/invalid-choice.error.js';
export type { RoutedStatement, RouteFunction } from './routing/route-query.js';
export {
  CONSISTENCIES,
  ON_BEHIND,
  PRIMARY_REASONS,
  READ_PREFERENCES,
  REPLICA_REASONS,
  type Consistency,
  type OnBehind,
  type PrimaryReason,
  type ReadPreference,
  type ReplicaReason,
  type Route,
  type RouteReason,
} from './routing/route.js';
export type { ReplicaSelection } from './routing/replica-filter.js';
export type { CandidateObstacle, RouteCandidate } from './routing/explain-route.js';
export {
  STATEMENT_KINDS,
  type RouteContext,
  type StatementKind,
  type WaitKind,
} from './routing/route-query.js';
export type { RequestOptions } from './engine/run-request.js';
export type { RefusedStatementEvent, StatementEvent } from './routing/statement-event.js';
export { InvalidSessionKeyError } from './errors/invalid-session-key.error.js';
export { SessionNotBoundError } from './errors/session-not-bound.error.js';
export { MemorySessionStore, type MemorySessionStoreOptions } from './session/memory.store.js';
export type { Position } from './session/position.js';
export { mergeSessionStates, type SessionState } from './session/session-state.js';
export type {
  IoredisClient,
  NodeRedisClient,
  RedisClient,
  SendRedisCommand,
} from './session/redis-client.js';
export { RedisSessionStore, type RedisSessionStoreOptions } from './session/redis.store.js';
export type { SessionStore } from './session/session-store.js';
export type { ProbedNode, ProbeFunction, ProbeVerdict } from './topology/probe-function.js';
export { DataSourceRouter } from './typeorm/data-source-router.js';
export { ReplicaRouter } from './engine/replica-router.js';
export type { TracedStatement } from './execution/statement-trace.js';
export type { RecordedEvent } from './observability/recent-events.js';
export type {
  PatternStats,
  PoolStats,
  RetryStats,
  RouterStats,
  RouteStats,
  SessionStats,
} from './observability/router-stats.js';
export type { RouterCounter } from './observability/router-counters.js';
export type { CatalogStatus } from './execution/statements/catalog-keeper.js';
export type { LogSink } from './engine/operator-log.js';
export type { NodeStatus, TopologyStatus } from './observability/node-status.js';
export type { NotVisibleEvent, NotVisibleReason, RouterEvents } from './observability/router-events.js';
export {
  ON_TIMEOUT,
  type OnTimeout,
  type SyncWriteRule,
  type VisibilityOptions,
  type VisibleOn,
} from './engine/visibility-options.js';
export { discoverReplicas, type DiscoverReplicasOptions } from './engine/discover-replicas.js';
export { dnsReplicas, type DnsReplicasOptions } from './engine/dns-replicas.js';
export { DrainInterruptedError } from './errors/drain-interrupted.error.js';
export { PrimaryOnly } from './typeorm/primary-only.decorator.js';
export { ReplicaBehindError, type LaggingReplica } from './errors/replica-behind.error.js';
export { ReplicaDataSource } from './typeorm/replica-data-source.js';
export { ReplicasAreDiscoveredError } from './errors/replicas-are-discovered.error.js';
export type { Explanation } from './engine/explain.js';
export {
  ON_LAG,
  type ExplainOptions,
  type OnLag,
  type ReadOptions,
  type TokenOptions,
} from './engine/read-options.js';
export { UnknownReplicaError } from './errors/unknown-replica.error.js';
