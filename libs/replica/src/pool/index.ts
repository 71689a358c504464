export { knexPool, type KnexPool } from './knex-pool.js';
export {
  getReplicaRouterToken,
  getRoutingPoolToken,
  InjectReplicaRouter,
  InjectRoutingPool,
} from './pool-tokens.js';
export type { RoutingPoolOptions } from './pool-options.js';
export { prismaExtension, type PrismaExtension } from './prisma-extension.js';
export { ReplicaPoolModule } from './replica-pool.module.js';
export type {
  ReplicaPoolFactoryOptions,
  ReplicaPoolModuleAsyncOptions,
  ReplicaPoolModuleOptions,
  ReplicaPoolOptionsFactory,
} from './replica-pool-module-options.js';
export { createRoutingPool, type RoutingPool } from './routing-pool.js';
export { ReplicaRouter } from '../engine/replica-router.js';
export type { RequestOptions } from '../engine/run-request.js';

// What `nestjs-replica` exports, too, and is not TypeORM's.
export { fromCookie, fromHeader } from '../nest/key-resolvers.js';
export {
  ForcePrimary,
  UseReplica,
  type ForcePrimaryOptions,
  type UseReplicaOptions,
} from '../nest/routing.decorators.js';
export { RoutingInterceptor } from '../nest/routing.interceptor.js';
export { StickyPrimaryGuard } from '../nest/sticky-primary.guard.js';
export { SyncWrite, type SyncWriteOptions } from '../nest/sync-write.decorator.js';
export { cookieToken, headerToken, type CookieTokenOptions } from '../nest/token-carriers.js';
export { WithToken, type WithTokenOptions } from '../nest/with-token.decorator.js';
export { discoverReplicas, type DiscoverReplicasOptions } from '../engine/discover-replicas.js';
export { dnsReplicas, type DnsReplicasOptions } from '../engine/dns-replicas.js';
export { replicaOptionsFromEnv, type OptionsFromEnv } from '../options/options-from-env.js';
export { MemorySessionStore, type MemorySessionStoreOptions } from '../session/memory.store.js';
export { RedisSessionStore, type RedisSessionStoreOptions } from '../session/redis.store.js';
export { CommitOutcomeUnknownError } from '../errors/commit-outcome-unknown.error.js';
export { DriverNotInstalledError } from '../errors/driver-not-installed.error.js';
export { InvalidReplicaOptionsError } from '../errors/invalid-options.error.js';
export { NoReplicaError } from '../errors/no-replica.error.js';
export { NodeUnavailableError } from '../errors/node-unavailable.error.js';
export { PoolExhaustedError } from '../errors/pool-exhausted.error.js';
export { PrimaryUnavailableError } from '../errors/primary-unavailable.error.js';
export { ReplicaBehindError } from '../errors/replica-behind.error.js';
export { TransactionLostError } from '../errors/transaction-lost.error.js';
export { WritePreventedError } from '../errors/write-prevented.error.js';
