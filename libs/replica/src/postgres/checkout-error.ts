import type pg from 'pg';
import { NodeUnavailableError } from '../errors/node-unavailable.error.js';
import { PoolExhaustedError } from '../errors/pool-exhausted.error.js';
import { messageOf } from '../errors/describe-error.js';
import { isConnectionLoss } from './postgres-errors.js';

/** What `pg-pool` says when no connection came free in time, and also when none could be made in time. */
const POOL_TIMEOUT_TEXT = 'timeout exceeded when trying to connect';

/** What whoever asked a node's pool for a connection shall be told for an error of the pool. */
export function checkoutError(
  error: unknown,
  { name, address }: { readonly name: string; readonly address: string },
  pool: pg.Pool,
): unknown {
  const { totalCount, waitingCount, options } = pool;
  if (messageOf(error) === POOL_TIMEOUT_TEXT && totalCount >= options.max)
    return new PoolExhaustedError(name, { inUse: totalCount, waiting: waitingCount + 1 });
  return isConnectionLoss(error) ? unavailable(error, { name, address }) : error;
}

/** The node cannot be reached; an error that says so already stands as it is. */
export function unavailable(
  cause: unknown,
  { name, address }: { readonly name: string; readonly address: string },
): NodeUnavailableError {
  return cause instanceof NodeUnavailableError ? cause : new NodeUnavailableError(name, address, cause);
}
