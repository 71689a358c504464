import type { PgPool, PgPoolClient } from '../postgres/pg-types.js';

/** What Knex asks of a pool that is given as its option `connectionPool`. */
export interface KnexPool {
  acquire(): { readonly promise: Promise<PgPoolClient> };
  release(client: PgPoolClient): boolean;
  destroy(): Promise<void>;
  numFree(): number;
  numUsed(): number;
  numPendingAcquires(): number;
}

let clients = 0;

/**
 * A routing pool (or any `pg.Pool`) as Knex and Objection take it: `knex({ client: 'pg', connectionPool: knexPool(pool) })`, from Knex 3.3 on.
 * Knex would take the pool itself, too, but returns the connection of a stream twice, and pools of `pg` throw at that. `knex.destroy()` leaves
 * the pool open.
 */
export function knexPool(pool: PgPool): KnexPool {
  const used = new Set<PgPoolClient>();
  return {
    acquire: () => ({
      promise: pool.connect().then((client) => {
        used.add(client);
        // Knex tells its connections apart by this name.
        return Object.assign(client, { __knexUid: `__knexUid${++clients}` });
      }),
    }),
    release: (client) => {
      if (!used.delete(client)) return false;
      client.release();
      return true;
    },
    destroy: () => Promise.resolve(),
    numFree: () => pool.idleCount,
    numUsed: () => used.size,
    numPendingAcquires: () => pool.waitingCount,
  };
}
