import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { fromHeader, headerToken, MemorySessionStore, UseReplica, type SessionStore } from 'nestjs-replica';
import { startPostgresCluster, type PostgresCluster, type PostgresNode } from 'nestjs-replica/testing';
import request from 'supertest';
import { DataSource } from 'typeorm';
import { startApp, until, type TestApp } from '../../support/test-app.js';

interface Gate {
  readonly reached: () => void;
  readonly opened: Promise<void>;
}
let gate: Gate;

@Controller()
class RegisterController {
  constructor(private readonly dataSource: DataSource) {}

  readonly #value = async (): Promise<number> => {
    const [{ value }] = await this.dataSource.query('SELECT value FROM register');
    return value;
  };

  @Get('plain')
  async plain(): Promise<object> {
    return { value: await this.#value() };
  }

  @Get('on/replica-1')
  @UseReplica({ replica: 'replica-1' })
  first(): Promise<object> {
    return this.plain();
  }

  @Get('on/replica-2')
  @UseReplica({ replica: 'replica-2' })
  second(): Promise<object> {
    return this.plain();
  }

  @Get('on/replica-2/failing')
  @UseReplica({ replica: 'replica-2' })
  async failing(): Promise<object> {
    const error = await this.dataSource
      .query(`SELECT ('value ' || value)::int AS value FROM register`)
      .catch(String);
    return { value: Number(/value (\d+)/.exec(error)?.[1]) };
  }

  /** Reads before and after others of its session. */
  @Get('twice')
  async twice(): Promise<object> {
    const { reached, opened } = gate;
    await this.#value();
    reached();
    await opened;
    return { value: await this.#value() };
  }
}

const TOKEN_HEADER = 'x-consistency-token';

/** How a client's session is kept, and whether its requests come to one process or two. */
interface Kind {
  readonly kind: string;
  readonly store?: () => SessionStore;
  readonly apps: 1 | 2;
}

function sharedStore(): SessionStore {
  const memory = new MemorySessionStore();
  return {
    load: async (key) => memory.load(key),
    save: async (key, state, ttlMs) => memory.save(key, state, ttlMs),
  };
}

const KINDS: readonly Kind[] = [
  { kind: 'in memory', store: () => new MemorySessionStore(), apps: 1 },
  { kind: 'in a shared store, one process', store: sharedStore, apps: 1 },
  { kind: 'in a shared store, two processes', store: sharedStore, apps: 2 },
  { kind: 'in a token', apps: 1 },
];

describe.each(KINDS)('two requests at once of a session $kind', ({ store, apps: count }) => {
  let cluster: PostgresCluster;
  let apps: TestApp[];
  let turn = 0;
  let client: Client;
  let arrived: Promise<void>;
  let open = (): void => undefined;

  beforeAll(async () => {
    cluster = await startPostgresCluster({ replicas: 2 });
    await cluster.primary.query('CREATE TABLE register AS SELECT 0 AS value');
    const session =
      store === undefined
        ? { token: headerToken(TOKEN_HEADER), secrets: ['a secret of thirty-two letters..'] }
        : { key: fromHeader('x-session'), store: store() };
    apps = await Promise.all(
      Array.from({ length: count }, () =>
        startApp(cluster, [RegisterController], { maxLagMs: 20_000, session }),
      ),
    );
    await cluster.waitForCatchUp();
  });
  afterAll(async () => {
    for (const app of apps ?? []) await app.close();
    await cluster?.stop();
  });
  beforeEach(async () => {
    let reached = (): void => undefined;
    arrived = new Promise((resolve) => (reached = resolve));
    gate = { reached: () => reached(), opened: new Promise((resolve) => (open = resolve)) };
    client = new Client(`session ${turn++}`);
    // Without a token each request is a session of its own; one that stays at home is given none.
    if (store === undefined) await until(() => client.isKnown('/on/replica-1'), 'a token');
  });
  afterEach(async () => {
    open();
    await Promise.all(cluster.replicas.map((node) => node.resumeReplay()));
    await cluster.waitForCatchUp();
  });

  /** Sends one session's requests, to one process or the other. */
  class Client {
    readonly #key: string;
    #token: string | undefined;
    constructor(key: string) {
      this.#key = key;
    }
    async isKnown(path: string): Promise<boolean> {
      await this.get(path);
      return this.#token !== undefined;
    }
    async get(path: string, process = 0): Promise<{ value: number; nodes: string }> {
      const app = apps[process % count] as TestApp;
      const call = request(app.nest.getHttpServer()).get(path);
      const answer = await (this.#token === undefined
        ? call.set('x-session', this.#key)
        : call.set('x-session', this.#key).set(TOKEN_HEADER, this.#token));
      this.#token = answer.headers[TOKEN_HEADER] ?? this.#token;
      return { value: answer.body.value, nodes: answer.headers['x-replica-node'] ?? '' };
    }
  }

  /** One more, which all of `nodes` show. */
  async function add(nodes: readonly PostgresNode[]): Promise<number> {
    const [row] = (await cluster.primary.query('UPDATE register SET value = value + 1 RETURNING value')) as [
      { value: number },
    ];
    await until(async () =>
      (await Promise.all(nodes.map((node) => node.query('SELECT value FROM register')))).every(
        ([one]) => (one as { value: number }).value === row.value,
      ),
    );
    return row.value;
  }

  /** The session's own replica, and the other one. */
  async function places(): Promise<{ home: PostgresNode; other: PostgresNode }> {
    const { nodes } = await client.get('/plain');
    const home = cluster.replicas.find(({ name }) => name === nodes);
    const other = cluster.replicas.find(({ name }) => name !== nodes);
    if (home === undefined || other === undefined) throw new Error(`answered by ${nodes}`);
    return { home, other };
  }

  it('shows the next one what the slower one saw where the session was', async () => {
    const { home, other } = await places();
    const slow = client.get('/twice', 1);
    await arrived;
    await client.get(`/on/${other.name}`);
    await other.pauseReplay();
    const value = await add([home]);
    open();
    expect((await slow).value).toBe(value);
    expect((await client.get('/plain')).value).toBe(value);
    expect((await client.get('/plain', 1)).value).toBe(value);
  });

  it('shows the next one what the faster one saw where it was taken', async () => {
    const { home, other } = await places();
    await home.pauseReplay();
    const value = await add([other]);
    const slow = client.get('/twice', 1);
    await arrived;
    expect((await client.get(`/on/${other.name}`)).value).toBe(value);
    open();
    const late = await slow;
    // Another process learns of it when it loads the session the next time.
    if (count === 1) expect(late.value).toBe(value);
    expect((await client.get('/plain')).value).toBe(value);
  });

  it('shows the next one what an error told where it was taken', async () => {
    await cluster.replicas[0]?.pauseReplay();
    const value = await add(cluster.replicas.slice(1));
    expect((await client.get('/on/replica-2/failing')).value).toBe(value);
    expect((await client.get('/plain', 1)).value).toBe(value);
  });
});
