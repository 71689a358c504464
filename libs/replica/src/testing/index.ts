export { startMariadbCluster } from './mariadb/start-mariadb-cluster.js';
export type { MariadbCluster, MariadbNode } from './mariadb/start-mariadb-cluster.js';
export { startPostgresCluster } from './postgres/start-postgres-cluster.js';
export type { PostgresCluster, PostgresNode } from './postgres/start-postgres-cluster.js';
export { CLUSTER_BACKENDS } from './cluster-options.js';
export type { ClusterBackend, ClusterOptions, SettingValue } from './cluster-options.js';
export type { DatabaseCluster, DatabaseNode, NodeAddress, NodeRole, NodeState } from './database-cluster.js';
export {
  CatchUpError,
  ClusterBackendUnavailableError,
  ClusterStoppedError,
  InvalidClusterOptionsError,
  NodeStartError,
  NodeStateError,
  PostgresUserNotFoundError,
} from './cluster.error.js';
export type { ClusterOptionProblem } from './cluster.error.js';
export { recordRoutes, type Recordable, type RecordOptions } from './routes/record-routes.js';
export {
  routeMatchers,
  type MatcherResult,
  type RouteMatchers,
  type StatementFilter,
} from './routes/route-matchers.js';
export type { RecordableRouter, RecordedStatement, RouteRecording } from './routes/route-recording.js';
export { startTcpProxy } from './proxy/start-tcp-proxy.js';
export type { TcpProxy, TcpProxyTarget } from './proxy/tcp-proxy.js';
