import { afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { getDataSourceRouterToken, replicaOptionsFromEnv } from 'nestjs-replica';
import type { PostgresNode } from 'nestjs-replica/testing';
import request from 'supertest';
import { DataSource } from 'typeorm';
import { createApp } from '../../../apps/shop/src/create-app.js';
import { prepareDatabase } from '../../../apps/shop/src/database/prepare-database.js';
import { tellingLines } from '../../support/secrets/secrets.js';
import { everyEvent, everythingOf } from '../../support/secrets/seen.js';
import { createOddRole, ODD_PASSWORD } from '../../support/cluster/odd-role.js';
import { until } from '../../support/until.js';
import { useCluster } from '../../support/cluster/use-cluster.js';

const cluster = useCluster({ replicas: 1 });
beforeAll(async () => {
  await createOddRole(cluster);
});
afterEach(() => void jest.restoreAllMocks());

const urlOf = ({ host, port, database }: PostgresNode, password: string): string =>
  `postgres://odd:${encodeURIComponent(password)}@${host}:${port}/${database}`;

const partsOf = (prefix: string, { host, port, database }: PostgresNode, password: string) => ({
  [`${prefix}HOST`]: host,
  [`${prefix}PORT`]: String(port),
  [`${prefix}USER`]: 'odd',
  [`${prefix}PASSWORD`]: password,
  [`${prefix}DB`]: database,
});

type AsEnv = (password: string) => Record<string, string>;
const ENVIRONMENTS: readonly (readonly [string, AsEnv])[] = [
  [
    'URLs',
    (password) => ({
      DATABASE_URL: urlOf(cluster.primary, ODD_PASSWORD),
      DATABASE_READ_REPLICA_URL: cluster.replicas.map((node) => urlOf(node, password)).join(','),
    }),
  ],
  [
    'POSTGRES_PASSWORD',
    (password) => ({
      ...partsOf('POSTGRES_', cluster.primary, ODD_PASSWORD),
      ...partsOf('POSTGRES_READ_REPLICA_', cluster.replicas[0] as PostgresNode, password),
    }),
  ],
];

/** What is written to either output from now on. */
function outputs(): string[] {
  const written: string[] = [];
  for (const output of [process.stdout, process.stderr]) {
    jest.spyOn(output, 'write').mockImplementation((chunk) => {
      written.push(String(chunk));
      return true;
    });
  }
  return written;
}

async function visit(url: string): Promise<unknown[]> {
  const visitor = request.agent(url);
  const answers = [
    await visitor.get('/status'),
    await visitor.get('/products'),
    await visitor.post('/orders').send({ items: [{ productId: 1, quantity: 1 }] }),
    await visitor.get('/products/1'),
    await visitor.get('/products/x'),
    await visitor.get('/nothing'),
  ];
  return answers.flatMap(({ status, headers, text }) => [status, headers, text]);
}

describe.each(ENVIRONMENTS)('a shop whose passwords are odd, by %s,', (_, asEnv) => {
  it.each([
    ['right', ODD_PASSWORD, 'up'],
    ['wrong at the replica', `hunter2wr\u00F6ng &+%2F`, 'down'],
  ] as const)('shows none of them, %s', async (__, password, health) => {
    const told: unknown[] = outputs();
    const nodes = replicaOptionsFromEnv(asEnv(password));
    await prepareDatabase(nodes, (line) => told.push(line));
    const app = await createApp(nodes);
    try {
      const router = app.get(getDataSourceRouterToken());
      const events = everyEvent(router);
      await app.listen(0, '127.0.0.1');
      await until(() => router.topology().replicas[0]?.health === health, 'the replica is asked');
      const answers = await visit(await app.getUrl());
      expect(answers).toContain(200);
      told.push(...answers, events, router.topology(), router, app.get(DataSource));
    } finally {
      await app.close();
    }
    const texts = told.map((one) => (typeof one === 'string' ? one : everythingOf(one)));
    jest.restoreAllMocks();
    // The log is among them.
    if (health === 'down')
      expect(texts.join('\n')).toContain('password authentication failed for user "odd"');
    for (const secret of [ODD_PASSWORD, password]) expect(tellingLines(texts, secret)).toEqual([]);
  });
});
