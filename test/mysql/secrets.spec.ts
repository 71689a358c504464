import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ReplicaDataSource } from 'nestjs-replica';
import type { QueryRunner } from 'typeorm';
import { useCluster } from '../support/cluster/use-cluster.js';
import { tellingLines } from '../support/secrets/secrets.js';
import { everythingOf, structuredOf } from '../support/secrets/seen.js';
import { Product } from './support/product.js';

const cluster = useCluster({ database: 'mariadb', replicas: 1 });
const SECRET = 'hunter2p@ss:w/ord?#%25';

const expectUntold = (seen: unknown, secret: string): void =>
  expect(tellingLines([everythingOf(seen), structuredOf({ seen })], secret)).toEqual([]);

const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'it has not failed',
    (error: unknown) => error,
  );

describe('a data source on MariaDB that is in use', () => {
  let data: ReplicaDataSource;
  let runner: QueryRunner;

  beforeAll(async () => {
    data = new ReplicaDataSource({
      type: 'mariadb',
      primary: { url: cluster.primary.url },
      replicas: cluster.replicas.map(({ host, port, username, password, database }) => ({
        host,
        port,
        username,
        password,
        database,
      })),
      entities: [Product],
      synchronize: true,
      pool: { applicationName: 'shop' },
    });
    await data.initialize();
    runner = data.createQueryRunner();
    await runner.startTransaction();
  });
  afterAll(async () => {
    await runner.rollbackTransaction();
    await runner.release();
    await data.destroy();
  });

  it.each<[string, () => unknown]>([
    ['the data source', () => data],
    ['its options', () => data.options],
    ['its driver', () => data.driver],
    ['the module that TypeORM got', () => (data.driver as unknown as { mysql: object }).mysql],
    ['a query runner', () => runner],
    ['a connection', () => runner.connect()],
    ['the topology', () => data.router.topology()],
    ['an error of the server', () => failureOf(runner.query('SELECT * FROM nowhere'))],
    [
      'an error of a stream',
      () =>
        failureOf(
          (async () => {
            for await (const _ of await runner.stream('SELECT * FROM nowhere')) expect(_).toBeDefined();
          })(),
        ),
    ],
  ])('shows no password: %s', async (_, seen) => {
    expectUntold(await seen(), cluster.primary.password);
  });
});

it.each([
  ['a wrong password', { password: SECRET }],
  ['a password in the place of the user', { username: SECRET }],
  ['a password in the place of the database', { database: SECRET }],
  ['a password that is the name of the application', { pool: { applicationName: SECRET }, port: 1 }],
])('a failing start repeats no part of the options: %s', async (_, wrong) => {
  const { host, port, username, password, database } = cluster.primary;
  const right = { host, port, username, password, database };
  const data = new ReplicaDataSource({ type: 'mariadb', primary: { ...right, ...wrong } });
  const failure = await failureOf(data.initialize());
  expect(failure).toMatchObject({ code: expect.any(String) });
  expectUntold(failure, SECRET);
  expectUntold(failure, cluster.primary.password);
});
