import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  PrimaryOnly,
  ReplicaDataSource,
  type ReplicaDataSourceOptions,
  type StatementEvent,
} from 'nestjs-replica';
import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';
import { isReady } from '../support/app/test-app.js';
import { heal, useCluster } from '../support/cluster/use-cluster.js';
import { until } from '../support/until.js';
import { Product } from './support/product.js';

@Entity()
@PrimaryOnly()
class Secret {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: 'varchar', length: 40 })
  text!: string;
}

const cluster = useCluster({ database: 'mariadb' });
const REPLICA = expect.stringMatching(/^(?!primary)/);

describe('options of TypeORM and of this library on MariaDB', () => {
  const open: ReplicaDataSource[] = [];
  const told: StatementEvent[] = [];

  async function start(
    changes: Partial<ReplicaDataSourceOptions<never, 'mariadb'>> = {},
    isUp = isReady,
  ): Promise<ReplicaDataSource> {
    const data = new ReplicaDataSource({
      type: 'mariadb',
      primary: { url: cluster.primary.url },
      replicas: cluster.replicas.map(({ url }) => ({ url })),
      monitor: { intervalMs: 100 },
      entities: [Product, Secret],
      ...changes,
    });
    open.push(data);
    await data.initialize();
    await until(() => isUp(data.router), 'that the nodes serve');
    told.length = 0;
    data.router.on('statement', (event) => void told.push(event));
    return data;
  }

  const nodes = (): unknown[] => told.map(({ node }) => node);

  beforeAll(async () => {
    const setUp = await start({ synchronize: true });
    await setUp.getRepository(Product).insert([{ name: 'pen' }, { name: 'ink' }]);
    await setUp.getRepository(Secret).insert({ text: 'plan' });
    await cluster.waitForCatchUp();
  });
  afterEach(async () => {
    for (const data of open.splice(0)) await data.destroy();
    await heal(cluster);
  });

  it('keeps results in the cache of TypeORM', async () => {
    const data = await start({ cache: { type: 'database', duration: 60_000 }, synchronize: true });
    await cluster.waitForCatchUp();
    // An answer of a replica that is not known to have all of the tables would not be given again.
    await until(() => {
      const { primary, replicas } = data.router.topology();
      return isReady(data.router) && replicas.every(({ position }) => position === primary.position);
    });
    const read = (): Promise<Product[]> =>
      data.router.runOnReplica({}, () =>
        data
          .getRepository(Product)
          .find({ where: { name: 'pen' }, cache: { id: 'pens', milliseconds: 60_000 } }),
      );
    expect(await read()).toHaveLength(1);
    // A writer outside this library takes no cached answer away.
    await cluster.primary.query("DELETE FROM product WHERE name = 'pen'");
    await cluster.waitForCatchUp();
    expect(await read()).toHaveLength(1);
    await data.queryResultCache?.remove(['pens']);
    expect(await read()).toEqual([]);
    await data.getRepository(Product).insert({ name: 'pen' });
  });

  it('gives up a statement after the time that TypeORM allows, and closes its connection', async () => {
    const data = await start({ maxQueryExecutionTime: 200, enableQueryTimeout: true });
    const failure = await data.query('SELECT SLEEP(30)').catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'PROTOCOL_SEQUENCE_TIMEOUT' });
    expect(await data.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(await data.router.runOnReplica({}, () => data.getRepository(Product).count())).toBe(2);
  });

  it('lets the server end what takes longer than statementTimeoutMs', async () => {
    const data = await start({ pool: { statementTimeoutMs: 200 } });
    await expect(data.query('SELECT SLEEP(30) FROM product')).rejects.toMatchObject({ errno: 1969 });
  });

  it('obeys rules for tables', async () => {
    const data = await start({ tables: { product: 'primary' } });
    await data.router.runOnReplica({}, () => data.getRepository(Product).count());
    await data.router.runOnReplica({}, () => data.getRepository(Secret).count());
    await data.router.runOnReplica({}, () => data.query('SELECT 1'));
    expect(nodes()).toEqual(['primary', 'primary', REPLICA]);
  });

  it('gives DATETIME and BIGINT as mysql2 does with the options that TypeORM has for it', async () => {
    const data = await start({ dateStrings: true, bigNumberStrings: false, timezone: 'Z' });
    const [row] = await data.query<object[]>(
      "SELECT CAST('2026-01-02 03:04:05' AS DATETIME) AS at, 5000000000 AS n",
    );
    expect(row).toEqual({ at: '2026-01-02 03:04:05', n: 5_000_000_000 });
  });

  it('starts on replicas while the primary is down', async () => {
    await cluster.primary.stop();
    const data = await start({ startWithoutPrimary: true, primaryWaitMs: 30_000 }, () => true);
    expect(await data.router.runOnReplica({}, () => data.getRepository(Product).count())).toBe(2);
    const written = data.getRepository(Secret).insert({ text: 'later' });
    await cluster.primary.start();
    await written;
    expect(await data.getRepository(Secret).countBy({ text: 'later' })).toBe(1);
  });

  it('takes other replicas while it runs', async () => {
    const data = await start();
    const [first] = cluster.replicas;
    await data.router.setReplicas([{ url: first?.url }]);
    expect(data.router.topology().replicas.map(({ address }) => address)).toEqual([
      `${first?.host}:${first?.port}`,
    ]);
    await until(() => isReady(data.router));
    expect(await data.router.runOnReplica({}, () => data.getRepository(Product).count())).toBe(2);
    expect(nodes()).toEqual([REPLICA]);
  });
});
