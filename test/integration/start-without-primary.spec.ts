import { afterEach, beforeEach, describe, expect, it, beforeAll } from '@jest/globals';
import {
  NodeUnavailableError,
  NoNodeError,
  PrimaryUnavailableError,
  ReplicaDataSource,
  StartNeedsPrimaryError,
  type ReplicaDataSourceOptions,
} from 'nestjs-replica';
import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';
import { sourceOptions } from '../support/app/start-source.js';
import { until } from '../support/until.js';
import { forDatabase } from '../support/cluster/test-database.js';
import { useCluster, heal } from '../support/cluster/use-cluster.js';
import { Account, Entry } from '../support/ledger/accounts.js';

/** For its generated key TypeORM asks for an extension when it starts. */
@Entity()
class Badge {
  @PrimaryGeneratedColumn('uuid')
  id!: string;

  @Column()
  title!: string;
}

const EXTENSIONS = forDatabase<Partial<ReplicaDataSourceOptions<never>>>({
  postgres: { uuidExtension: 'pgcrypto', installExtensions: false },
  mariadb: {},
});

/** The code of an error about a wrong password. */
const REFUSED = forDatabase({ postgres: '28P01', mariadb: 'ER_ACCESS_DENIED_ERROR' });

/** Makes a function that only gives what it gets. */
function functionSql(name: string): string {
  return forDatabase({
    postgres: `CREATE FUNCTION ${name}(n int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT n $$`,
    mariadb: `CREATE FUNCTION ${name}(n int) RETURNS int NO SQL RETURN n`,
  });
}

const cluster = useCluster();

describe('an application that starts while the primary is down', () => {
  let source: ReplicaDataSource | undefined;

  beforeAll(async () => {
    const setUp = await new ReplicaDataSource(optionsOf({ synchronize: true })).initialize();
    await setUp.getRepository(Account).insert([{ owner: 'ann' }]);
    await setUp.destroy();
    await cluster.primary.query(functionSql('harmless'));
    await cluster.waitForCatchUp();
  });
  beforeEach(() => cluster.primary.stop());
  afterEach(async () => {
    if (source?.isInitialized === true) await source.destroy();
    source = undefined;
    await heal(cluster);
  });

  function optionsOf(changes: Partial<ReplicaDataSourceOptions<never>>): ReplicaDataSourceOptions<never> {
    return {
      ...sourceOptions(cluster),
      entities: [Account, Entry, Badge],
      ...EXTENSIONS,
      ...changes,
    };
  }
  const start = (changes: Partial<ReplicaDataSourceOptions<never>> = {}): Promise<ReplicaDataSource> => {
    source = new ReplicaDataSource(optionsOf({ startWithoutPrimary: true, ...changes }));
    return source.initialize();
  };

  it('reads from replicas, and writes when the primary is there', async () => {
    const data = await start();
    const nodes: string[] = [];
    data.router.on('statement', ({ node }) => nodes.push(String(node)));
    const read = (): Promise<Account | null> =>
      data.router.runOnReplica({}, () => data.getRepository(Account).findOneBy({ id: 1 }));
    await until(() => data.router.topology().replicas.every(({ health }) => health === 'up'), 'the replicas');
    expect(await read()).toMatchObject({ owner: 'ann' });
    // What functions there are is known, too.
    await data.router.runOnReplica({}, () => data.query('SELECT harmless(id) FROM account'));
    expect(nodes.every((name) => name.startsWith('replica'))).toBe(true);
    const writing = data.getRepository(Account).increment({ id: 1 }, 'balance', 1);
    await expect(writing).rejects.toMatchObject({ driverError: expect.any(PrimaryUnavailableError) });

    await cluster.primary.start();
    await until(() => data.router.topology().primary.health === 'up', 'the primary');
    await data.getRepository(Account).increment({ id: 1 }, 'balance', 1);
    await cluster.primary.query(functionSql('newer'));
    await cluster.waitForCatchUp();
    await until(async () => {
      nodes.length = 0;
      await data.router.runOnReplica({}, () => data.query('SELECT newer(id) FROM account'));
      return nodes[0]?.startsWith('replica') ?? false;
    }, 'the new function');
    expect((await read())?.balance).toBe(1);
  });

  it('starts with one replica down, too, and where extensions would have to be installed', async () => {
    await cluster.replicas[0]?.stop();
    const data = await start(forDatabase({ postgres: { installExtensions: true }, mariadb: {} }));
    await until(() => data.router.topology().replicas[1]?.health === 'up', 'the replica');
    const count = await data.router.runOnReplica({}, () => data.getRepository(Badge).count());
    expect(count).toBe(0);
  });

  it('does not start where no node at all answers, and names each', async () => {
    await Promise.all(cluster.replicas.map((node) => node.stop()));
    const error = await start().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(NoNodeError);
    const text = String(error);
    for (const { name, port } of cluster.nodes) expect(text).toContain(`${name} (127.0.0.1:${port}): `);
    expect(text + JSON.stringify(error)).not.toContain(cluster.primary.password);
  });

  it.each(['synchronize', 'migrationsRun', 'dropSchema'] as const)(
    'does not start with %s',
    async (option) => {
      const error = await start({ [option]: true }).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(StartNeedsPrimaryError);
      expect(error).toMatchObject({
        code: 'REPLICA_START_NEEDS_PRIMARY',
        options: [option],
        node: 'primary',
      });
    },
  );

  it('does not start without the option', async () => {
    const starting = start({ startWithoutPrimary: false });
    await expect(starting).rejects.toBeInstanceOf(NodeUnavailableError);
  });

  it('does not start where the primary refuses the password', async () => {
    await cluster.primary.start();
    const url = cluster.primary.url.replace(cluster.primary.password, 'wrong');
    await expect(start({ primary: { url } })).rejects.toMatchObject({ reasonCode: REFUSED });
  });
});
