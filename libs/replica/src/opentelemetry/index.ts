export { instrumentReplica, type ReplicaInstrumentationOptions } from './instrument-replica.js';
