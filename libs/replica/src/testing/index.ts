export { startPostgresCluster } from './start-postgres-cluster.js';
export { CLUSTER_BACKENDS } from './cluster-options.js';
export type { ClusterBackend, PostgresClusterOptions, PostgresSettingValue } from './cluster-options.js';
export type {
  PostgresAddress,
  PostgresCluster,
  PostgresNode,
  PostgresNodeRole,
  PostgresNodeState,
} from './postgres-cluster.js';
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
export { startTcpProxy } from './proxy/start-tcp-proxy.js';
export type { TcpProxy, TcpProxyTarget } from './proxy/tcp-proxy.js';
