import { execFileSync } from 'node:child_process';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ReplicaDataSource } from 'nestjs-replica';
import { startTcpProxy, type DatabaseNode } from 'nestjs-replica/testing';
import { sourceOptions, startSource } from '../support/app/start-source.js';
import { forDatabase, inDialect, onPostgres, TEST_DATABASE } from '../support/cluster/test-database.js';
import { until } from '../support/until.js';
import { useCluster } from '../support/cluster/use-cluster.js';

const cluster = useCluster({
  isPerTest: true,
  replicas: 3,
  sql: forDatabase({
    postgres: `
      CREATE TABLE item (id int PRIMARY KEY);
      CREATE ROLE shop LOGIN PASSWORD 'same' IN ROLE pg_read_all_data, pg_write_all_data;`,
    mariadb: `
      CREATE TABLE item (id int PRIMARY KEY);
      CREATE USER shop IDENTIFIED BY 'same'; GRANT SELECT, INSERT ON *.* TO shop;`,
  }),
});

/** Writes so much that the positions of a server go beyond those of another one. */
const fillSql = forDatabase({
  postgres: (rows: number) => `CREATE TABLE filler AS SELECT generate_series(1, ${rows}) AS n`,
  mariadb: (rows: number) =>
    `CREATE TABLE filler (n int); ${'INSERT INTO filler VALUES (1); '.repeat(rows / 400)}`,
});

/** What is said of a second server that accepts writes. */
const FENCED = forDatabase({ postgres: /copy of the cluster/, mariadb: /fenced/ });

describe('servers of one cluster that were promoted apart', () => {
  let source: ReplicaDataSource;

  afterEach(async () => {
    if (source.isInitialized) await source.destroy();
  });

  /** `shop` may not see how a server replicates. */
  const start = async (user: 'operator' | 'shop', count = 3, proxied?: object): Promise<void> => {
    const at = ({ host, port, database, username, password }: DatabaseNode): object => ({
      host,
      port,
      database,
      ...(user === 'shop' ? { username: 'shop', password: 'same' } : { username, password }),
    });
    source = await startSource(cluster, {
      entities: [],
      primary: at(cluster.primary),
      replicas: cluster.replicas
        .slice(0, count)
        .map((node, index) => ({ name: node.name, ...at(node), ...(index === 0 ? proxied : undefined) })),
    });
  };

  const topology = (): ReturnType<typeof source.router.topology> => source.router.topology();
  const node = (name: string): { name: string; health: string; problem: string | null } | undefined =>
    [topology().primary, ...topology().replicas].find((one) => one.name === name);
  /** Writes a row and reads it in one request; gives how many of so many were not seen. */
  const countUnseen = async (from: number, count: number): Promise<number> => {
    let unseen = 0;
    for (let id = from; id < from + count; id++) {
      await source.router.runOnReplica({}, async () => {
        await source.query(inDialect('INSERT INTO item VALUES ($1)'), [id]);
        const rows = (await source.query(inDialect('SELECT id FROM item WHERE id = $1'), [id])) as unknown[];
        if (rows.length === 0) unseen++;
      });
    }
    return unseen;
  };

  it.each(['operator', 'shop'] as const)(
    'are not both followed, with the privileges of %s: a replica of the fenced one serves nobody',
    async (user) => {
      await start(user);
      const [one, two, three] = cluster.replicas as [DatabaseNode, DatabaseNode, DatabaseNode];
      await three.follow(two);
      await until(() => node(three.name)?.health === 'up');
      await cluster.primary.kill();
      await one.promote();
      // Where promotions have no number, the first one that is seen counts.
      if (TEST_DATABASE === 'mariadb')
        await until(() => topology().primary.name === one.name, 'the first one');
      await two.promote();
      await until(() => topology().primary.name !== 'primary' && topology().primary.health === 'up');
      const [accepted, fenced] = topology().primary.name === one.name ? [one, two] : [two, one];
      await until(() => node(fenced.name)?.problem?.includes('fenced') === true, 'the fence');
      // What others write there: positions of the fenced one go beyond those of the accepted one.
      await fenced.query(fillSql(20_000));
      const from = 1_000;
      let id = 10_000;
      expect(await countUnseen(from, 25)).toBe(0);
      expect(accepted).toBe(one);
      expect(node(three.name)).toMatchObject({ health: 'down' });
      expect(await countUnseen(from + 25, 25)).toBe(0);
      if (user === 'shop') return;
      if (TEST_DATABASE === 'mariadb') {
        await three.follow(accepted);
        await until(async () => {
          expect(await countUnseen(id++, 1)).toBe(0);
          return node(three.name)?.health === 'up';
        }, 'a true copy of the accepted one');
        expect(await countUnseen(2_000, 25)).toBe(0);
        return;
      }
      // What was fenced may be made to receive from the accepted one, where its history makes no sense: it stays where it is.
      await three.follow(accepted);
      await accepted.query(fillSql(40_000));
      expect(await countUnseen(from + 50, 25)).toBe(0);
      expect(node(three.name)).toMatchObject({ health: 'down' });
      await cluster.primary.follow(accepted);
      await until(async () => {
        expect(await countUnseen(id++, 1)).toBe(0);
        return node('primary')?.health === 'up';
      }, 'a true copy of the accepted one');
      expect(await countUnseen(2_000, 25)).toBe(0);
    },
    60_000,
  );

  it('are told apart when a copy takes the address of a replica: the copy does not become the primary', async () => {
    const [one, copy] = cluster.replicas as [DatabaseNode, DatabaseNode];
    const proxy = await startTcpProxy(one);
    try {
      await copy.promote();
      await copy.query('INSERT INTO item VALUES (1)');
      await start('operator', 1, { host: proxy.host, port: proxy.port });
      proxy.redirect(copy);
      proxy.reset();
      await until(() => FENCED.test(node(one.name)?.problem ?? ''), 'the fence');
      await cluster.primary.kill();
      await until(() => topology().primary.health === 'down');
      await expect(source.query('INSERT INTO item VALUES (2)')).rejects.toThrow('primary');
      expect(topology().primary.name).toBe('primary');
      expect(await copy.query('SELECT id FROM item')).toEqual([{ id: 1 }]);
    } finally {
      await source.destroy();
      await proxy.close();
    }
  });

  it('are told apart when a replica of a copy takes the address of one of ours', async () => {
    const [one, copy, ofCopy] = cluster.replicas as [DatabaseNode, DatabaseNode, DatabaseNode];
    const proxy = await startTcpProxy(one);
    try {
      await copy.promote();
      await ofCopy.follow(copy);
      await copy.query(fillSql(20_000));
      await start('shop', 1, { host: proxy.host, port: proxy.port });
      proxy.redirect(ofCopy);
      proxy.reset();
      await until(() => node(one.name)?.health === 'down', 'the fault');
      expect(await countUnseen(100, 25)).toBe(0);
      expect(node(one.name)?.health).toBe('down');
      proxy.redirect(one);
      proxy.reset();
      await until(() => node(one.name)?.health === 'up', 'the right one');
    } finally {
      await source.destroy();
      await proxy.close();
    }
  });

  // A backup of MariaDB has GTIDs, which tell it apart.
  onPostgres(() => {
    it('are told apart when a backup of the primary is restored as it was, on the same timeline', async () => {
      const sql = 'SHOW data_directory';
      const [setting] = await cluster.primary.query<{ data_directory: string }>(sql);
      const folder = setting?.data_directory as string;
      await cluster.primary.stop();
      execFileSync('cp', ['-a', folder, `${folder}.backup`]);
      await cluster.primary.start();
      await start('operator', 1);
      await source.query('INSERT INTO item VALUES (1)');
      await cluster.primary.query(fillSql(20_000));
      await cluster.waitForCatchUp();
      await cluster.primary.kill();
      execFileSync('rm', ['-r', folder]);
      execFileSync('mv', [`${folder}.backup`, folder]);
      await cluster.primary.start();
      const [{ name }] = cluster.replicas as [DatabaseNode];
      await until(() => topology().primary.health === 'up' && node(name)?.health === 'down', 'the restore');
      // Another process starts with it.
      const other = await new ReplicaDataSource({ ...sourceOptions(cluster), entities: [] }).initialize();
      const lost = (from: ReplicaDataSource): Promise<unknown[]> =>
        from.router.runOnReplica({}, () => from.query('SELECT id FROM item WHERE id = 1'));
      try {
        expect(await countUnseen(100, 10)).toBe(0);
        // The primary passes the position at which the replicas stand.
        await cluster.primary.query(fillSql(60_000));
        let reads = 0;
        await until(async () => {
          expect([await lost(source), await lost(other)]).toEqual([[], []]);
          return ++reads === 60;
        });
        for (const one of [source, other])
          expect(one.router.topology().replicas.filter(({ health }) => health === 'up')).toEqual([]);
      } finally {
        await other.destroy();
      }
    }, 60_000);
  });

  it('are followed when a standby was restarted just before its promotion', async () => {
    await start('shop', 2);
    const [heir] = cluster.replicas as [DatabaseNode];
    await heir.stop();
    await cluster.primary.kill();
    await until(() => topology().primary.health === 'down');
    await heir.start();
    await heir.promote();
    await until(() => topology().primary.name === heir.name && topology().primary.health === 'up');
    await source.query('INSERT INTO item VALUES (1)');
    expect(await heir.query('SELECT id FROM item')).toEqual([{ id: 1 }]);
  });
});
