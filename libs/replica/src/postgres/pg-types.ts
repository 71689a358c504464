/** The types of `pg` in what applications see of a pool. Only this folder names the driver. */
export type { Pool as PgPool, PoolClient as PgPoolClient, PoolConfig as PgPoolConfig } from 'pg';
