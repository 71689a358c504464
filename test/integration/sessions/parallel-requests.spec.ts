import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Param, ParseIntPipe } from '@nestjs/common';
import { fromHeader, headerToken, MemorySessionStore, type SessionStore } from 'nestjs-replica';
import type { PostgresNode } from 'nestjs-replica/testing';
import { startApp } from '../../support/app/start-app.js';
import type { TestApp } from '../../support/app/test-app.js';
import { SharedStore } from '../../support/app/shared-store.js';
import { until } from '../../support/until.js';
import { Gate } from '../../support/gate.js';
import { useLedgerCluster, resumeReplay } from '../../support/cluster/use-cluster.js';
import { onPostgres } from '../../support/cluster/test-database.js';
import { LedgerController } from '../../support/ledger/ledger.controller.js';

let gate = new Gate();

@Controller()
class ParallelController extends LedgerController {
  @Get('accounts/:id/on/:replica/failing')
  async failing(@Param('id', ParseIntPipe) id: number, @Param('replica') replica: string): Promise<object> {
    const error = await this.router.runOnReplica({ replica }, () =>
      this.dataSource
        .query(`SELECT ('balance ' || balance)::int FROM account WHERE id = $1`, [id])
        .catch(String),
    );
    return { balance: Number(/balance (\d+)/.exec(error)?.[1]) };
  }

  /** Reads before and after others of its session. */
  @Get('accounts/:id/twice')
  async twice(@Param('id', ParseIntPipe) id: number): Promise<unknown> {
    await this.one(id);
    await gate.pass();
    return this.one(id);
  }
}

const TOKEN_HEADER = 'x-consistency-token';

/** How a client's session is kept, and whether its requests come to one process or two. */
interface Kind {
  readonly kind: string;
  readonly store?: () => SessionStore;
  readonly apps: 1 | 2;
}

const KINDS: readonly Kind[] = [
  { kind: 'in memory', store: () => new MemorySessionStore(), apps: 1 },
  { kind: 'in a shared store, one process', store: () => new SharedStore(), apps: 1 },
  { kind: 'in a shared store, two processes', store: () => new SharedStore(), apps: 2 },
  { kind: 'in a token', apps: 1 },
];

const cluster = useLedgerCluster();

describe.each(KINDS)('two requests at once of a session $kind', ({ store, apps: count }) => {
  let apps: TestApp[];
  let turn = 0;
  let client: Client;

  beforeAll(async () => {
    const session =
      store === undefined
        ? { token: headerToken(TOKEN_HEADER), secrets: ['a secret of thirty-two letters..'] }
        : { key: fromHeader('x-session'), store: store() };
    apps = await Promise.all(
      Array.from({ length: count }, () =>
        startApp(cluster, [ParallelController], { maxLagMs: 20_000, session }),
      ),
    );
    await cluster.waitForCatchUp();
  });
  afterAll(async () => {
    for (const app of apps ?? []) await app.close();
  });
  beforeEach(async () => {
    gate = new Gate();
    client = new Client(`session ${turn++}`);
    // Without a token each request is a session of its own; one that stays at home is given none.
    if (store === undefined) await until(() => client.isKnown('/accounts/1/on/replica-1'), 'a token');
  });
  afterEach(async () => {
    gate.open();
    await resumeReplay(cluster);
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
    async get(path: string, process = 0): Promise<{ balance: number; nodes: string }> {
      const call = (apps[process % count] as TestApp).http.get(path);
      const answer = await (this.#token === undefined
        ? call.set('x-session', this.#key)
        : call.set('x-session', this.#key).set(TOKEN_HEADER, this.#token));
      this.#token = answer.headers[TOKEN_HEADER] ?? this.#token;
      return { balance: answer.body.balance, nodes: answer.headers['x-replica-node'] ?? '' };
    }
  }

  /** One more, which all of `nodes` show. */
  async function add(nodes: readonly PostgresNode[]): Promise<number> {
    await cluster.primary.query('UPDATE account SET balance = balance + 1 WHERE id = 1');
    const [row] = await cluster.primary.query<{ balance: number }>(
      'SELECT balance FROM account WHERE id = 1',
    );
    await until(async () => {
      const shown = await Promise.all(
        nodes.map((node) => node.query('SELECT balance FROM account WHERE id = 1')),
      );
      return shown.every(([one]) => one?.balance === row?.balance);
    });
    return row?.balance as number;
  }

  /** The session's own replica, and the other one. */
  async function places(): Promise<{ home: PostgresNode; other: PostgresNode }> {
    const { nodes } = await client.get('/accounts/1');
    const home = cluster.replicas.find(({ name }) => name === nodes);
    const other = cluster.replicas.find(({ name }) => name !== nodes);
    if (home === undefined || other === undefined) throw new Error(`answered by ${nodes}`);
    return { home, other };
  }

  it("show the next one what the slower one saw on the session's own replica", async () => {
    const { home, other } = await places();
    const slow = client.get('/accounts/1/twice', 1);
    await gate.reached;
    await client.get(`/accounts/1/on/${other.name}`);
    await other.pauseReplay();
    const balance = await add([home]);
    gate.open();
    expect((await slow).balance).toBe(balance);
    expect((await client.get('/accounts/1')).balance).toBe(balance);
    expect((await client.get('/accounts/1', 1)).balance).toBe(balance);
  });

  it('show the next one what the faster one saw on another replica', async () => {
    const { home, other } = await places();
    await home.pauseReplay();
    const balance = await add([other]);
    const slow = client.get('/accounts/1/twice', 1);
    await gate.reached;
    expect((await client.get(`/accounts/1/on/${other.name}`)).balance).toBe(balance);
    gate.open();
    const late = await slow;
    // Another process learns of it when it loads the session the next time.
    if (count === 1) expect(late.balance).toBe(balance);
    expect((await client.get('/accounts/1')).balance).toBe(balance);
  });

  onPostgres(() => {
    it('show the next one what an error told on another replica', async () => {
      await cluster.replicas[0]?.pauseReplay();
      const balance = await add(cluster.replicas.slice(1));
      expect((await client.get('/accounts/1/on/replica-2/failing')).balance).toBe(balance);
      expect((await client.get('/accounts/1', 1)).balance).toBe(balance);
    });
  });
});
