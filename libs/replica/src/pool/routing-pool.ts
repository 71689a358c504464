import { Engine } from '../engine/engine.js';
import { idleErrorsTo, OperatorLog } from '../engine/operator-log.js';
import { ReplicaRouter } from '../engine/replica-router.js';
import { conceal } from '../options/conceal.js';
import { DEFAULTS } from '../options/option-table.js';
import { PostgresDatabase } from '../postgres/database.js';
import { importPg } from '../postgres/pg-module.js';
import type { PgPool } from '../postgres/pg-types.js';
import { routingPoolClass } from '../postgres/routing-pool.js';
import { resolvePoolOptions, type RoutingPoolOptions } from './pool-options.js';

/**
 * A `pg.Pool` whose statements are routed: reads of requests go to replicas that show what their session wrote, and everything else to the
 * primary. Outside a request everything goes to the primary; see `router.runRequest()`.
 */
export interface RoutingPool extends PgPool {
  /** Opens requests, and controls and observes the routing. */
  readonly router: ReplicaRouter;
}

/** What a pool consists of, before it is connected. */
interface PoolBehind {
  readonly engine: Engine;
  readonly database: PostgresDatabase;
}

/**
 * Connects to the primary, begins to watch the replicas, and resolves with a pool for Drizzle, Kysely, Prisma, Knex or your own code. It is an
 * instance of the `Pool` of the `pg` that is installed beside this package. End it with `pool.end()`.
 *
 * Rejects with an `InvalidReplicaOptionsError` that lists all mistakes, with a `NodeUnavailableError` if the primary cannot be reached, and
 * with a `DriverNotInstalledError` if there is no `pg`.
 */
export async function createRoutingPool(options: RoutingPoolOptions): Promise<RoutingPool> {
  const resolved = behindPool(options);
  const { engine, database } = resolved;
  const Pool = routingPoolClass(await importPg());
  try {
    await engine.start([]);
    await engine.learnSchema([]);
  } catch (error) {
    await engine.stop();
    throw error;
  }
  const pool = new Pool({
    router: engine.cluster.router,
    events: database.poolEvents,
    nodes: 'all',
    close: () => engine.stop(),
  });
  return concealed(Object.assign(pool, { router: new ReplicaRouter(engine) }), engine);
}

/**
 * @internal A router for requests of an application whose pool was replaced, by a test for example. It has no replicas and is connected to
 * nothing.
 */
export function createDetachedRouter(options: RoutingPoolOptions): ReplicaRouter {
  const nobody = { replicas: [], discovery: undefined, tables: undefined };
  return new ReplicaRouter(behindPool({ ...options, ...nobody }).engine);
}

function behindPool(options: RoutingPoolOptions): PoolBehind {
  const resolved = resolvePoolOptions<never>(options);
  const { extra, log: sink } = options;
  const log = new OperatorLog();
  if (sink !== undefined) log.sendTo(sink);
  const database = new PostgresDatabase({
    connectTimeoutMs: DEFAULTS.connectTimeoutMS,
    extra: { ...extra },
    onIdleError: idleErrorsTo(log),
  });
  return { engine: new Engine(resolved, database, log), database };
}

function concealed(pool: RoutingPool, { options }: Engine): RoutingPool {
  const { name, primary, replicas } = options;
  return conceal(pool, () => ({
    name,
    nodes: [primary, ...replicas].map((node) => `${node.name} (${node.address})`),
    total: pool.totalCount,
    idle: pool.idleCount,
    waiting: pool.waitingCount,
    ended: pool.ended,
  }));
}
