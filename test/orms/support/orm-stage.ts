import { createRoutingPool, type RoutingPool } from 'nestjs-replica/pool';
import type { StatementEvent } from 'nestjs-replica';
import type { PostgresCluster } from 'nestjs-replica/testing';
import { isReady } from '../../support/app/test-app.js';
import { until } from '../../support/until.js';
import type { Orm, OrmUnderTest } from './orm.js';

/** How many items there are; their values are their ids. */
export const ITEMS = 1_000;

export const ITEMS_SQL = `
  CREATE TABLE item (id int PRIMARY KEY, value int NOT NULL);
  INSERT INTO item SELECT n, n FROM generate_series(1, ${ITEMS}) n`;

/** One library on a routing pool, and what the pool tells of its statements. */
export class OrmStage {
  readonly #heard: StatementEvent[] = [];

  private constructor(
    readonly cluster: PostgresCluster,
    readonly pool: RoutingPool,
    readonly orm: Orm,
  ) {
    pool.router.on('statement', (event) => {
      if (event.isFinal) this.#heard.push(event);
    });
  }

  static async open(cluster: PostgresCluster, orm: OrmUnderTest): Promise<OrmStage> {
    const pool = await createRoutingPool({
      primary: { url: cluster.primary.url },
      replicas: cluster.replicas.map(({ name, url }) => ({ name, url })),
      pool: { size: 5 },
      // No replica leaves the rotation because the machine is busy.
      maxLagMs: 25_000,
      monitor: { intervalMs: 100, probeTimeoutMs: 5_000 },
    });
    await until(() => isReady(pool.router), 'replicas without lag');
    return new OrmStage(cluster, pool, await orm.open(pool));
  }

  /** Runs `work` as a request that promises not to write, for the session of this key. */
  get<T>(work: (orm: Orm) => PromiseLike<T>, sessionKey?: string): Promise<T> {
    return this.pool.router.runRequest({ method: 'GET', sessionKey }, () => work(this.orm));
  }

  /** Runs `work` as a request that may write, for the session of this key. */
  post<T>(work: (orm: Orm) => PromiseLike<T>, sessionKey?: string): Promise<T> {
    return this.pool.router.runRequest({ method: 'POST', sessionKey }, () => work(this.orm));
  }

  /** The statements of `work`, as the pool told of them. */
  async statementsOf(work: () => Promise<unknown>): Promise<readonly StatementEvent[]> {
    const from = this.#heard.length;
    await work();
    return this.#heard.slice(from);
  }

  isReplica(node: string | null): boolean {
    return this.cluster.replicas.some(({ name }) => name === node);
  }

  async close(): Promise<void> {
    await this.orm.close?.();
    if (!this.pool.ending) await this.pool.end();
  }
}
