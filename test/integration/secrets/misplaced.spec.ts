import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type NodeOptions, ReplicaDataSource } from 'nestjs-replica';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import type { PostgresCluster } from 'nestjs-replica/testing';
import { SECRETS, tellingLines } from '../../support/secrets/secrets.js';
import { everyEvent, everythingOf, keepLines } from '../../support/secrets/seen.js';
import { until } from '../../support/until.js';
import { useCluster } from '../../support/cluster/use-cluster.js';

const cluster = useCluster({ replicas: 1 });
let tls: Server;
beforeAll(async () => {
  // Says that it can do TLS, and then no more.
  tls = createServer((socket) => socket.on('error', () => undefined).once('data', () => socket.end('S')));
  await once(tls.listen(0, '127.0.0.1'), 'listening');
});
afterAll(async () => {
  tls.close();
});
const tlsPort = (): number => (tls.address() as AddressInfo).port;

const encoded = (secret: string): string => encodeURIComponent(secret);

/** A node that would be right but for a password that stands where something else belongs. */
type Misplaced = (right: Parts, secret: string) => NodeOptions;
type Parts = Required<Pick<NodeOptions, 'host' | 'port' | 'username' | 'database'>> & { password: string };

const urlOf = (
  { host, port, username, password, database }: Parts,
  { user = username, path = database, query = '' } = {},
): string => `postgres://${user}:${password}@${host}:${port}/${path}${query}`;

const PLACES: readonly (readonly [string, Misplaced])[] = [
  ['the user', (right, secret) => ({ ...right, username: secret })],
  ['the database', (right, secret) => ({ ...right, database: secret })],
  ['the name of the application', (right, secret) => ({ ...right, applicationName: secret })],
  [
    'the name of the application of a pool',
    (right, secret) => ({ ...right, pool: { applicationName: secret } }),
  ],
  [
    'the name in the certificate',
    (right, secret) => ({ ...right, port: tlsPort(), ssl: true, servername: secret }),
  ],
  ['ssl.ca', (right, secret) => ({ ...right, port: tlsPort(), ssl: { ca: secret } })],
  ['ssl.key', (right, secret) => ({ ...right, port: tlsPort(), ssl: { key: secret, cert: secret } })],
  ['ssl.pfx', (right, secret) => ({ ...right, port: tlsPort(), ssl: { pfx: secret, passphrase: secret } })],
  ['ssl.ciphers', (right, secret) => ({ ...right, port: tlsPort(), ssl: { ciphers: secret } })],
  [
    'ssl.minVersion',
    (right, secret) => ({ ...right, port: tlsPort(), ssl: { minVersion: secret } as never }),
  ],
  ['ssl.servername', (right, secret) => ({ ...right, port: tlsPort(), ssl: { servername: secret } })],
  ['ssl', (right, secret) => ({ ...right, ssl: secret as never })],
  ['the region', (right, secret) => ({ ...right, username: 'nobody', region: secret })],
  ["a URL's user", (right, secret) => ({ url: urlOf(right, { user: encoded(secret) }) })],
  [
    "a URL's user, and no password",
    ({ host, port }, secret) => ({ url: `postgres://${encoded(secret)}@${host}:${port}/x` }),
  ],
  ["a URL's path", (right, secret) => ({ url: urlOf(right, { path: encoded(secret) }) })],
  ...[
    'user',
    'database',
    'host',
    'port',
    'options',
    'application_name',
    'sslmode',
    'sslrootcert',
    'sslcert',
    'sslkey',
    'sslnegotiation',
    'ssl',
    'client_encoding',
    'replication',
    'fallback_application_name',
    'uselibpqcompat',
    'sid',
  ].map((parameter): readonly [string, Misplaced] => [
    `a URL's parameter ${parameter}`,
    (right, secret) => ({ url: urlOf(right, { query: `?${parameter}=${encoded(secret)}` }) }),
  ]),
  [
    "a key of a URL's parameters",
    (right, secret) => ({ url: urlOf(right, { query: `?${encoded(secret)}=1`, path: 'none' }) }),
  ],
];

const rightOf = ({ host, port, username, password, database }: PostgresCluster['primary']): Parts => ({
  host,
  port,
  username,
  password,
  database,
});

const placed = (
  right: PostgresCluster['primary'],
  secret: string,
): readonly (readonly [string, NodeOptions])[] =>
  PLACES.map(([where, misplaced]) => [where, misplaced(rightOf(right), secret)]);

const errorOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

function expectUntold(secret: string, told: readonly unknown[]): void {
  const texts = told.map((one) => (typeof one === 'string' ? one : everythingOf(one)));
  expect(tellingLines(texts, secret)).toEqual([]);
}

describe.each(SECRETS)('a password such as %j', (_, secret) => {
  it.each(PLACES)(
    'is told by nothing that fails at the start, put where %s belongs',
    async (__, misplaced) => {
      const { lines, sink, logger } = keepLines();
      let dataSource: ReplicaDataSource | undefined;
      const error = await errorOf(
        (async () => {
          const primary = misplaced(rightOf(cluster.primary), secret);
          dataSource = new ReplicaDataSource({ type: 'postgres', primary, logging: true, logger }).logTo(
            sink,
          );
          await dataSource.initialize();
          await dataSource.destroy();
        })(),
      );
      expectUntold(secret, [error, dataSource, dataSource?.options, dataSource?.router, ...lines]);
    },
  );

  it('is told neither by topology, events and logs, nor by errors of reads, put where something of a replica belongs', async () => {
    const { lines, sink, logger } = keepLines();
    const dataSource = new ReplicaDataSource({
      type: 'postgres',
      primary: rightOf(cluster.primary),
      logger,
      logging: true,
    }).logTo(sink);
    const { router } = await dataSource.initialize();
    try {
      const events = everyEvent(router);
      const told: unknown[] = [];
      const nodes: NodeOptions[] = [];
      for (const [where, node] of placed(cluster.replicas[0] as PostgresCluster['primary'], secret)) {
        const named = { ...node, name: where.replaceAll(/\W/g, '-') };
        const error = outcomeOf(() => new ReplicaDataSource({ type: 'postgres', primary: named }));
        if (error === undefined) nodes.push(named);
        else told.push(error);
      }
      await router.setReplicas(nodes);
      await until(() => router.topology().replicas.every(({ health }) => health !== 'unknown'));
      for (const { name } of nodes) {
        const read = router.runOnReplica({ replica: name }, () => dataSource.query('SELECT 1 AS one'));
        told.push(await errorOf(Promise.resolve(read)));
      }
      expect(nodes.length).toBeGreaterThan(20);
      expect(events.length).toBeGreaterThan(20);
      expectUntold(secret, [...told, router.topology(), events, ...lines]);
    } finally {
      await dataSource.destroy();
    }
  });
});

function outcomeOf(work: () => unknown): unknown {
  try {
    work();
    return undefined;
  } catch (error) {
    return error;
  }
}

it('a function that gives passwords may quote what it likes when it fails', async () => {
  const [, secret] = SECRETS[0] as (typeof SECRETS)[number];
  const password = (): never => {
    throw new Error(`no token from https://app:${secret}@vault.internal/x`);
  };
  const primary = { ...rightOf(cluster.primary), password };
  const error = await errorOf(new ReplicaDataSource({ type: 'postgres', primary }).initialize());
  expect(error).toMatchObject({
    message: expect.stringContaining('the function that gives the password failed'),
  });
  expectUntold(secret, [error]);
});
