export { ReplicaHealthIndicator, type ReplicaHealthOptions } from './replica-health.indicator.js';
