export { knexPool, type KnexPool } from './knex-pool.js';
export { createRoutingPool, type RoutingPool } from './routing-pool.js';
export type { RoutingPoolOptions } from './pool-options.js';
export { ReplicaRouter } from '../engine/replica-router.js';
export type { RequestOptions } from '../engine/run-request.js';
