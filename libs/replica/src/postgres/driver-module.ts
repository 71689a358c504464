import type pg from 'pg';
import type { StatementRouter } from '../execution/statement-router.js';
import { discreetClient } from './discreet-client.js';
import type { PoolEvents } from './connection-pool.js';
import { pgModule } from './pg-module.js';
import { routingPoolClass } from './routing-pool.js';

/** The part of the `pg` module that TypeORM uses (`driver` in its options for PostgreSQL). */
export interface PgDriver {
  readonly Pool: new (options: { host?: string }) => pg.Pool;
  /** The defaults of `pg` itself, because TypeORM sets `parseInt8` there. */
  readonly defaults: typeof pg.defaults;
  readonly types: typeof pg.types;
}

/**
 * Creates a module in the shape of `pg` whose pools route statements. It leaves out the property `native`: TypeORM would use that
 * instead of the module when `pg-native` is installed. A pool that is made for `replicasHost` may read from replicas.
 */
export function createPgDriver(
  router: () => StatementRouter,
  poolEvents: PoolEvents,
  replicasHost: string,
): PgDriver {
  const { defaults, types } = pgModule();
  class Pool extends routingPoolClass(pgModule()) {
    constructor({ host }: { host?: string }) {
      super({ router: router(), events: poolEvents, nodes: host === replicasHost ? 'replicas' : 'primary' });
    }
  }
  return { Pool, defaults, types };
}

/** Creates a module in the shape of `pg` whose pools all connect to the node in `config` and route nothing. */
export function createPlainDriver(config: pg.PoolConfig): object {
  const { Pool: PgPool, defaults, types } = pgModule();
  const discreet = { Client: discreetClient(), ...config };
  class Pool extends PgPool {
    constructor() {
      super(discreet);
    }
  }
  return { Pool, defaults, types };
}
