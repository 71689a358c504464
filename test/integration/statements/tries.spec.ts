import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  ReplicaDataSource,
  type RefusedStatementEvent,
  type RouterStats,
  type RouteStats,
  type StatementEvent,
} from 'nestjs-replica';
import type { PostgresNode } from 'nestjs-replica/testing';
import { until } from '../../support/until.js';
import { useCluster } from '../../support/cluster/use-cluster.js';

const cluster = useCluster({
  sql: `
    create table parcel (id int); insert into parcel values (1); create sequence numbers;
    create function label(int) returns bigint language sql stable as 'select 1::bigint'`,
});
let dataSource: ReplicaDataSource;
let events: StatementEvent[] = [];
let refusals: RefusedStatementEvent[] = [];

const nodeOf = ({ host, port, username, password, database }: PostgresNode, name: string) => ({
  name,
  host,
  port,
  username,
  password,
  database,
});

async function connect(options: { fallback?: 'error' } = {}): Promise<ReplicaDataSource> {
  const made = new ReplicaDataSource({
    type: 'postgres',
    primary: nodeOf(cluster.primary, 'primary'),
    replicas: cluster.replicas.map((node, index) => nodeOf(node, `replica-${index + 1}`)),
    ...options,
  });
  await made.initialize();
  made.router.on('statement', (event) => void events.push(event));
  made.router.on('statement:refused', (event) => void refusals.push(event));
  await until(() => made.router.topology().replicas.every(({ health }) => health === 'up'));
  // The catalog is known, and so is each replica.
  await until(async () => {
    events = [];
    await made.router.runOnReplica({}, () => made.query('SELECT id FROM parcel'));
    return events[0]?.node?.startsWith('replica') === true;
  });
  return made;
}

beforeAll(async () => {
  dataSource = await connect();
  cluster.beforeStop(() => dataSource.destroy());
});
beforeEach(() => {
  events = [];
  refusals = [];
});

const read = <T>(text: string, preventWrites = false): Promise<T> =>
  dataSource.router.runOnReplica({ preventWrites }, () => dataSource.query<T>(text));

const shape = ({ kind, node, attempt, isFinal, errorCode = 'ok' }: StatementEvent): string =>
  `${kind} on ${node?.replace(/-\d/, '')}: ${attempt} ${errorCode} ${isFinal ? 'final' : 'goes on'}`;

/** Ends the connections that run such a text, once there is one. */
async function terminate(pattern: string): Promise<void> {
  await until(async () => {
    for (const node of cluster.replicas) {
      const ended = await node.query<{ done: boolean }>(
        `SELECT pg_terminate_backend(pid) AS done FROM pg_stat_activity WHERE query LIKE '${pattern}%' AND state = 'active'`,
      );
      if (ended.length > 0) return true;
    }
    return false;
  });
}

/** What was counted since `before`, by what the counts are about. */
function countsSince(before: RouterStats): Record<string, string> {
  const { routes, retries } = dataSource.router.stats();
  const told: Record<string, string> = {};
  for (const { node, kind, reason, count, failed } of routes) {
    const is = (one: RouteStats): boolean => one.node === node && one.kind === kind && one.reason === reason;
    const known = before.routes.find(is);
    const news = count - (known?.count ?? 0);
    if (news > 0) told[`${kind} ${reason}`] = `${news}, ${failed - (known?.failed ?? 0)} failed`;
  }
  for (const { node, code, count } of retries) {
    const known = before.retries.find((one) => one.node === node && one.code === code);
    const news = count - (known?.count ?? 0);
    if (news > 0) told[`retry after ${code}`] = String(news);
  }
  return told;
}

describe('the events of a statement', () => {
  it('number its attempts, and say which one is the last', async () => {
    const before = dataSource.router.stats();
    const answer = read('SELECT pg_sleep(1), id FROM parcel');
    await terminate('SELECT pg_sleep(1)');
    expect(await answer).toMatchObject([{ id: 1 }]);
    expect(events.map(shape)).toEqual(['read on replica: 1 57P01 goes on', 'read on replica: 2 ok final']);
    expect(countsSince(before)).toEqual({ 'read session-free': '1, 0 failed', 'retry after 57P01': '1' });
    expect(dataSource.router.recentEvents().filter(({ event }) => event === 'statement')).toEqual(
      events.map((event) => ({ event: 'statement', atMs: expect.any(Number), ...event })),
    );
  });

  it('say that an error of its own was the last', async () => {
    const before = dataSource.router.stats();
    await expect(read('SELECT 1 / 0 AS nothing')).rejects.toMatchObject({ code: '22012' });
    await expect(dataSource.query('INSERT INTO parcel VALUES (1 / 0)')).rejects.toMatchObject({
      code: '22012',
    });
    expect(events.map(shape)).toEqual(['read on replica: 1 22012 final', 'write on primary: 1 22012 final']);
    expect(countsSince(before)).toEqual({ 'read session-free': '1, 1 failed', 'write write': '1, 1 failed' });
  });

  it('report what only a replica refuses as an attempt, with its text', async () => {
    const text = 'SELECT label(2) FROM parcel';
    await read(text);
    events = [];
    await cluster.primary.query(
      `create or replace function label(int) returns bigint language sql volatile as $$ select nextval('numbers') $$`,
    );
    await cluster.waitForCatchUp();
    expect(await read(text)).toEqual([{ label: '1' }]);
    expect(events.map(shape)).toEqual(['read on replica: 1 25006 goes on', 'write on primary: 2 ok final']);
    const pattern = dataSource.router
      .stats()
      .patterns.find(({ text: found }) => found === 'SELECT label(?) FROM parcel');
    expect(pattern).toMatchObject({ kind: 'write', count: 2, digest: expect.stringMatching(/^[\w-]{32}$/) });
    expect(refusals).toEqual([
      {
        digest: pattern?.digest,
        tables: ['parcel'],
        node: expect.stringMatching(/^replica-/),
      },
    ]);
    expect(JSON.stringify([events, refusals, dataSource.router.recentEvents()])).not.toContain('label');
    await read(text);
    expect(refusals).toHaveLength(1);
    expect(dataSource.router.stats().refused).toBe(1);
    expect(events.map(shape).slice(2)).toEqual(['write on primary: 1 ok final']);
  });

  it('add up to the failures that callers saw, and to all statements', async () => {
    const texts = [
      'SELECT pg_sleep(0.2)',
      'SELECT 1 / 0',
      'SELECT id FROM parcel',
      'SELECT made_by_nobody()',
    ];
    const calls = Array.from({ length: 80 }, (_, index) => read(texts[index % texts.length]!));
    const before = dataSource.router.stats();
    const outcomes = Promise.allSettled(calls);
    await terminate('SELECT pg_sleep(0.2)');
    const failed = (await outcomes).filter(({ status }) => status === 'rejected').length;
    const finals = events.filter(({ isFinal }) => isFinal);
    expect(finals).toHaveLength(calls.length);
    expect(finals.filter(({ errorCode }) => errorCode !== undefined)).toHaveLength(failed);
    expect(failed).toBeGreaterThanOrEqual(40);
    const counts = ({ routes }: RouterStats): number[] => [
      routes.reduce((sum, { count }) => sum + count, 0),
      routes.reduce((sum, one) => sum + one.failed, 0),
    ];
    const [counted = 0, countedFailed = 0] = counts(before);
    expect(counts(dataSource.router.stats())).toEqual([counted + calls.length, countedFailed + failed]);
    expect(events.length).toBeGreaterThan(calls.length);
  });

  it('report a read that no node was allowed to answer', async () => {
    const strict = await connect({ fallback: 'error' });
    try {
      const names = strict.router.topology().replicas.map(({ name }) => name);
      await Promise.all(names.map((name) => strict.router.drain(name)));
      events = [];
      await expect(
        strict.router.runOnReplica({}, () => strict.query('SELECT id FROM parcel')),
      ).rejects.toMatchObject({ code: 'REPLICA_NONE_ELIGIBLE' });
      expect(events).toEqual([
        expect.objectContaining({
          kind: 'read',
          tables: ['parcel'],
          node: null,
          reason: 'no-eligible-replica',
          attempt: 1,
          isFinal: true,
        }),
      ]);
      expect(strict.router.stats().routes).toContainEqual(
        expect.objectContaining({ node: null, role: null, reason: 'no-eligible-replica', failed: 1 }),
      );
    } finally {
      await strict.destroy();
    }
  });
});
