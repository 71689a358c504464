import pg from 'pg';
import type { StatementRouter } from '../execution/statement-router.js';
import { DiscreetClient } from './discreet-client.js';
import type { PoolEvents } from './pool-events.js';
import { RoutingPool } from './routing-pool.js';

/** Host name of the one logical replica that TypeORM is given; a pool asked for under it may read from replicas. */
export const REPLICAS_HOST = 'any-replica.nestjs-replica.invalid';

/** The part of the module `pg` that TypeORM uses (`driver` in its options for PostgreSQL). */
export interface PgDriver {
  readonly Pool: new (options: { host?: string }) => RoutingPool;
  /** The defaults of `pg` itself: TypeORM sets `parseInt8` there. */
  readonly defaults: typeof pg.defaults;
  readonly types: typeof pg.types;
}

/**
 * A module in the shape of `pg` whose pools route. It has no property `native`, for which TypeORM would leave it when
 * `pg-native` is installed.
 */
export function createPgDriver(router: () => StatementRouter, poolEvents: PoolEvents): PgDriver {
  class Pool extends RoutingPool {
    constructor(options: { host?: string }) {
      super(router(), poolEvents, options.host !== REPLICAS_HOST);
    }
  }
  return { Pool, defaults: pg.defaults, types: pg.types };
}

/** A module in the shape of `pg` whose pools all reach the one node that `config` says, and route nothing. */
export function createPlainDriver(config: pg.PoolConfig): object {
  const discreet = { Client: DiscreetClient, ...config };
  class Pool extends pg.Pool {
    constructor() {
      super(discreet);
    }
  }
  return { Pool, defaults: pg.defaults, types: pg.types };
}
