import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ReplicaDataSource, type ReplicaDataSourceOptions } from 'nestjs-replica';
import { inspect } from 'node:util';
import { startMariadbCluster, type DatabaseCluster } from 'nestjs-replica/testing';
import { SECRETS, tellingLines } from '../support/secrets/secrets.js';

type Options = Partial<Record<string, unknown>>;

const PLACES: readonly (readonly [string, (secret: string) => { node?: Options; all?: Options }])[] = [
  ['the user', (secret) => ({ node: { username: secret } })],
  ['the database', (secret) => ({ node: { database: secret } })],
  ['ssl', (secret) => ({ node: { ssl: secret } })],
  ['charset', (secret) => ({ all: { charset: secret } })],
  ['extra.charset', (secret) => ({ all: { extra: { charset: secret } } })],
  ['extra.ssl.ca', (secret) => ({ all: { extra: { ssl: { ca: secret } } } })],
];

describe('a password of MariaDB in the wrong place', () => {
  let cluster: DatabaseCluster;

  beforeAll(async () => {
    cluster = await startMariadbCluster({ replicas: 0 });
  });

  afterAll(() => cluster.stop());

  it.each(PLACES)('is not told when the application cannot connect: %s', async (_, place) => {
    for (const [, secret] of SECRETS) {
      const { host, port, username, password, database } = cluster.primary;
      const { node, all } = place(secret);
      const primary = { host, port, username, password, database, ...node };
      const options = { type: 'mariadb', primary, ...all } as unknown as ReplicaDataSourceOptions<never>;
      const said = await start(options).then(
        () => 'it connects',
        (error: unknown) => inspect(error, { depth: 10, showHidden: true }),
      );
      expect(tellingLines([said], secret)).toEqual([]);
    }
  });

  async function start(options: ReplicaDataSourceOptions<never>): Promise<void> {
    const dataSource = new ReplicaDataSource(options);
    await dataSource.initialize();
    await dataSource.destroy();
  }
});
