export {
  registerReplicaMetrics,
  type ReplicaMetricsOptions,
  type MeasuredRouter,
} from './register-replica-metrics.js';
export { ReplicaMetricsModule, type ReplicaMetricsModuleOptions } from './replica-metrics.module.js';
