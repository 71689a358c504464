import pg from 'pg';
import { DiscreetClient } from './discreet-client.js';
import { checked, type Identified, type ServerCheck } from './check-connection.js';

/** Calls a function outside any request. */
export type Outside = <T>(fn: () => T) => T;

const SETTINGS = [
  'max',
  'min',
  'maxUses',
  'maxLifetimeSeconds',
  'idleTimeoutMillis',
  'connectionTimeoutMillis',
  'allowExitOnIdle',
] as const;

/** Sizes and times of a pool; nothing of how to connect, which is secret in part. */
export function poolSettingsOf({ options }: pg.Pool): Partial<pg.PoolConfig> {
  const all = options as unknown as Record<string, unknown>;
  return Object.fromEntries(SETTINGS.map((key) => [key, all[key]]));
}

/** How many connections there are, idle, too old to be given out again; and how many callers wait for one. */
export interface PoolCounts {
  readonly total: number;
  readonly idle: number;
  readonly waiting: number;
  readonly expired: number;
}

export function countsOf(pool: pg.Pool): PoolCounts {
  const { totalCount: total, idleCount: idle, waitingCount: waiting, expiredCount: expired } = pool;
  return { total, idle, waiting, expired };
}

/** What of a `pg` pool's insides is replaced: it opens a connection; it gets one back. */
interface PoolInside {
  newClient?: (...args: unknown[]) => unknown;
  _release?: (...args: unknown[]) => unknown;
}

export const callAtOnce: Outside = (fn) => fn();

/** What a pool is made of. */
interface PoolParts {
  readonly config: pg.PoolConfig;
  readonly check?: ServerCheck;
  readonly outside?: Outside;
}

/**
 * A pool of `pg`'s, whose new connections are asked who they lead to where somebody wants to know. It opens connections outside any
 * request, and so it waits for them to idle too long: sockets and timers outlive the request in which they are made, and would keep its
 * context and run in it.
 */
export function createPool(
  { config, check, outside = callAtOnce }: PoolParts,
  identified: Identified,
): pg.Pool {
  const discreet = { Client: DiscreetClient, ...config };
  const pool = new pg.Pool(check === undefined ? discreet : checked(discreet, check, identified));
  const inside = pool as unknown as PoolInside;
  for (const name of ['newClient', '_release'] as const) {
    const method = inside[name];
    if (method !== undefined) inside[name] = (...args) => outside(() => method.apply(pool, args));
  }
  return pool;
}
