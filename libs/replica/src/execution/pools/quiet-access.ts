import type { Tracing } from '../../observability/tracing.js';
import type { ConnectionPool, NodeAccess, Outside } from '../database.js';

/** Opens and asks connections so that instrumentation of the driver makes no spans of that if somebody traces statements. */
export function quietAccess(access: NodeAccess, outside: Outside, tracing: Tracing): NodeAccess {
  return {
    limits: access.limits,
    laneObstacle: access.laneObstacle,
    // The application may begin to listen to new connections at any time.
    get isEachConnectionPrepared() {
      return access.isEachConnectionPrepared;
    },
    openPool: (listener) => withQuietTake(access.openPool(listener), tracing),
    answersAnew: (timeoutMs, signal) => outside(() => access.answersAnew(timeoutMs, signal)),
    askUptime: () => outside(() => access.askUptime()),
  };
}

function withQuietTake(pool: ConnectionPool, tracing: Tracing): ConnectionPool {
  const take = pool.take.bind(pool);
  pool.take = (callback) => {
    const { tracer } = tracing;
    if (tracer === undefined) take(callback);
    else tracer.quietly(() => take(callback));
  };
  return pool;
}
