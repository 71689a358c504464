import { beforeAll, describe, expect, it } from '@jest/globals';
import { fork } from 'node:child_process';
import { useCluster } from '../../support/cluster/use-cluster.js';
import { keepOutput } from '../../support/quiet/keep-output.js';
import type { SeenSpan } from './support/spans.js';

const cluster = useCluster({
  sql: `
    CREATE TABLE product (id serial PRIMARY KEY, name text NOT NULL);
    CREATE TABLE price (id int PRIMARY KEY);
    INSERT INTO product (name) SELECT 'product ' || n FROM generate_series(1, 100) n`,
});

type Phase = 'alone' | 'onLanes' | 'probes' | 'various' | 'afterwards' | 'again';

interface Outcome extends Record<Phase, SeenSpan[]> {
  /** The attributes of each metric, by its name and unit. */
  readonly metrics: Record<string, string[]>;
}

/** Runs the application to its end. */
function runApplication(): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = fork('./test/e2e/observability/support/traced.app.ts', {
      execArgv: ['--import', './test/support/typescript/register.mjs'],
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        TRACED_URLS: JSON.stringify(cluster.nodes.map(({ url }) => url)),
      },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    keepOutput(child.stdout);
    keepOutput(child.stderr);
    let result: Outcome | undefined;
    child.on('message', (message) => {
      if (message === 'kill a replica') cluster.replicas[0]?.kill().catch(reject);
      else result = message as Outcome;
    });
    child.on('exit', (code) =>
      result === undefined ? reject(new Error(`the application ended with ${code}`)) : resolve(result),
    );
  });
}

let spans: Outcome;
beforeAll(async () => {
  spans = await runApplication();
});

const byText = (one: string, other: string): number => one.localeCompare(other);
const ours = (seen: readonly SeenSpan[]): SeenSpan[] =>
  seen.filter(({ scope }) => scope === 'nestjs-replica');

describe('without instrumentReplica(), the spans of an instrumented driver', () => {
  it('are called after what the statement does, not after its prepared name', () => {
    const names = new Set(spans.alone.filter(({ parent }) => parent !== null).map(({ name }) => name));
    expect([...names].filter((name) => name.includes('nestjs_replica'))).toEqual([]);
    expect([...names]).toContainEqual(expect.stringMatching(/SELECT/));
  });
});

describe('instrumentReplica() beside an instrumented driver', () => {
  it('makes one span for each read on a lane, below the span of its caller', () => {
    expect(spans.onLanes.map(({ parent }) => parent ?? '').toSorted(byText)).toEqual(
      Array.from({ length: 30 }, (_, index) => `caller ${index}`).toSorted(byText),
    );
    for (const span of spans.onLanes)
      expect(span).toMatchObject({
        name: 'SELECT product',
        scope: 'nestjs-replica',
        isClient: true,
        hasFailed: false,
        events: [],
        attributes: {
          'db.system.name': 'postgresql',
          'db.namespace': cluster.primary.database,
          'db.operation.name': 'SELECT',
          'db.collection.name': 'product',
          'db.query.summary': 'SELECT product',
          'db.query.text': expect.stringMatching(/^SELECT id, name FROM product WHERE id = (\?|\$1)$/),
          'server.address': cluster.primary.host,
          'server.port': expect.any(Number),
          'replica.node': expect.stringMatching(/^replica-[12]$/),
          'replica.role': 'replica',
          'replica.reason': 'session-free',
          'replica.attempts': 1,
        },
      });
    // A read that takes long on a busy machine gets a connection to itself.
    expect(spans.onLanes.map(({ attributes }) => attributes['replica.lane'])).toContain(true);
    const ports = new Set(spans.onLanes.map(({ attributes }) => attributes['server.port']));
    for (const port of ports) expect(cluster.replicas.map((node) => node.port)).toContain(port);
  });

  it('makes none for probes', () => {
    expect(spans.probes).toEqual([]);
  });

  it('makes one for each statement, and none for the questions behind writes', () => {
    expect(spans.various.map(({ scope }) => scope)).toEqual(spans.various.map(() => 'nestjs-replica'));
    expect(spans.various.map(({ name }) => name)).toEqual([
      'INSERT product',
      'START',
      'UPDATE product',
      'COMMIT',
      'INSERT product',
      'SELECT product',
      'SELECT product price',
    ]);
    expect(new Set(spans.various.map(({ parent }) => parent))).toEqual(new Set(['caller']));
  });

  it('tells why a statement failed, but not with which values', () => {
    const failed = spans.various.filter(({ hasFailed }) => hasFailed);
    expect(failed).toHaveLength(1);
    expect(failed[0]).toMatchObject({
      name: 'INSERT product',
      attributes: { 'error.type': '23505', 'db.response.status_code': '23505', 'replica.role': 'primary' },
    });
    expect(JSON.stringify(spans)).not.toContain('secret');
  });

  it('tells metrics by the conventions, and some of its own', () => {
    const common = ['db.namespace', 'db.system.name'];
    const pool = ['db.client.connection.pool.name', ...common];
    expect(spans.metrics).toEqual({
      'db.client.operation.duration s': [
        ...common,
        'db.operation.name',
        'db.response.status_code',
        'error.type',
        'server.address',
        'server.port',
      ].toSorted(byText),
      'db.client.connection.count {connection}': [...pool, 'db.client.connection.state'].toSorted(byText),
      'db.client.connection.max {connection}': pool,
      'db.client.connection.pending_requests {request}': pool,
      'db.client.connection.timeouts {timeout}': pool,
      'db.client.connection.wait_time s': pool,
      'replica.node.lag s': ['replica.node'],
      'replica.statements {statement}': expect.arrayContaining([
        'replica.node',
        'replica.reason',
        'replica.role',
      ]),
    });
  });

  it('leaves the driver to its own instrumentation when it is undone', () => {
    expect(ours(spans.afterwards)).toEqual([]);
    expect(spans.afterwards.length).toBeGreaterThan(0);
  });

  it('tells each attempt of a read whose replica died as an event of its one span', () => {
    for (const span of spans.again) {
      const attempts = span.attributes['replica.attempts'] as number;
      expect(attempts).toBeGreaterThan(1);
      expect(span).toMatchObject({ scope: 'nestjs-replica', hasFailed: false, parent: 'caller' });
      expect(span.attributes['replica.node']).not.toBe('replica-1');
      expect(span.events).toHaveLength(attempts);
      expect(span.events[0]).toMatchObject({
        name: 'replica.attempt',
        attributes: { 'replica.node': 'replica-1', 'error.type': expect.any(String) },
      });
      expect(span.events.at(-1)?.attributes).not.toHaveProperty('error.type');
      expect(span.attributes).not.toHaveProperty('db.query.text');
    }
    expect(spans.again.length).toBeGreaterThan(0);
  });
});
