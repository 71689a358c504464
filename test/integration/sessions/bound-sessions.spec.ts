import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, Headers, Param, Post, Res, UnauthorizedException } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import {
  DataSourceRouter,
  fromHeader,
  headerToken,
  InvalidSessionKeyError,
  mergeSessionStates,
  SessionNotBoundError,
  type SessionState,
  type SessionStore,
} from 'nestjs-replica';
import type { PostgresCluster } from 'nestjs-replica/testing';
import type { ServerResponse } from 'node:http';
import request from 'supertest';
import { Repository } from 'typeorm';
import { startAccountsCluster, whilePaused } from '../../e2e/module/support/accounts-cluster.js';
import { Account } from '../../support/accounts.js';
import { startApp, type Answer, type TestApp } from '../../support/test-app.js';

/** As a client with a bearer token has it: nobody is known before the token is given. */
@Controller()
class UsersController {
  constructor(
    @InjectRepository(Account) private readonly accounts: Repository<Account>,
    private readonly router: DataSourceRouter,
  ) {}

  @Post('register')
  async register(@Body() { owner }: { owner: string }): Promise<object> {
    await this.accounts.insert({ owner, balance: 0 });
    const token = `token of ${owner}`;
    this.router.bindSession(`Bearer ${token}`);
    return { token };
  }

  /** A link in an e-mail: a GET that writes, by nobody. */
  @Get('confirm/:owner')
  async confirm(@Param('owner') owner: string): Promise<object> {
    this.router.bindSession(`Bearer token of ${owner}`);
    await this.accounts.increment({ owner }, 'balance', 1);
    return {};
  }

  /** The key is known when the answer is on its way already. */
  @Post('late/:owner')
  async late(@Param('owner') owner: string, @Res() response: ServerResponse): Promise<void> {
    response.write('an answer that goes on, ');
    await this.accounts.increment({ owner }, 'balance', 1);
    await new Promise((resolve) => setImmediate(resolve));
    this.router.bindSession(`Bearer token of ${owner}`);
    response.end('and ends');
  }

  /** It writes nothing: what it was shown is to be seen by the other session, too. */
  @Post('look/:owner')
  async look(@Param('owner') owner: string): Promise<object> {
    this.router.bindSession('Bearer onlooker');
    return { balance: (await this.accounts.findOneBy({ owner }))?.balance };
  }

  @Get('me')
  async me(@Headers('authorization') authorization: string): Promise<Account> {
    const account = await this.accounts.findOneBy({ owner: authorization.replace('Bearer token of ', '') });
    if (account === null) throw new UnauthorizedException();
    return account;
  }

  @Get('see/:owner')
  see(@Param('owner') owner: string): Promise<Account | null> {
    return this.accounts.findOneBy({ owner });
  }

  @Post('refused')
  async refused(@Body() { key }: { key: unknown }): Promise<object> {
    return { error: nameOf(() => this.router.bindSession(key as string)) };
  }

  @Post('job')
  async job(): Promise<object> {
    return this.router.runWithToken(undefined, async () => ({
      error: nameOf(() => this.router.bindSession('x')),
    }));
  }
}

function nameOf(call: () => void): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    return (error as Error).name;
  }
}

/** As one that is reached over the network: it answers later, and cannot announce. */
class DistantStore implements SessionStore {
  readonly #states = new Map<string, SessionState>();

  async load(key: string): Promise<SessionState | undefined> {
    await new Promise((resolve) => setImmediate(resolve));
    return this.#states.get(key);
  }

  async save(key: string, state: SessionState): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#states.set(key, mergeSessionStates(this.#states.get(key) ?? {}, state));
  }
}

let cluster: PostgresCluster;
beforeAll(async () => {
  cluster = await startAccountsCluster();
});
afterAll(() => cluster?.stop());

const SESSIONS = [
  { where: 'in memory', sticky: undefined, store: undefined },
  { where: 'in a store of others', sticky: undefined, store: new DistantStore() },
  { where: 'in memory, for a time', sticky: { mode: 'time', windowMs: 20_000 } as const, store: undefined },
];

describe.each(SESSIONS)("a session's key that a request names, kept $where", ({ where, sticky, store }) => {
  let app: TestApp;

  beforeAll(async () => {
    const session = { key: fromHeader('authorization'), ...(store === undefined ? {} : { store }) };
    app = await startApp(cluster, [UsersController], {
      session,
      ...(sticky === undefined ? {} : { sticky }),
    });
  });
  afterAll(() => app?.close());

  const http = (): ReturnType<typeof request> => request(app.nest.getHttpServer());
  const post = (path: string, body: object = {}): Promise<Pick<Answer, 'status' | 'body'>> =>
    http().post(path).send(body);
  const me = (owner: string): Promise<Pick<Answer, 'status' | 'body'>> =>
    http().get('/me').set('authorization', `Bearer token of ${owner}`);
  const nameFor = (what: string): string => `${what} ${where}`.replaceAll(/[^a-z]/g, '-');

  it('lets whoever registered as nobody see it, with replay paused', async () => {
    const owner = nameFor('ann');
    await whilePaused(cluster, async () => {
      await post('/register', { owner });
      expect((await me(owner)).status).toBe(200);
      expect((await http().get(`/see/${owner}`)).body).toEqual({});
    });
  });

  it.each(['get', 'post'] as const)('counts for what is written later, or was before: %s', async (method) => {
    const owner = nameFor(method === 'get' ? 'bob' : 'cid');
    await post('/register', { owner });
    await cluster.waitForCatchUp();
    await whilePaused(cluster, async () => {
      await http()[method](`/${method === 'get' ? 'confirm' : 'late'}/${owner}`);
      expect((await me(owner)).body).toMatchObject({ balance: 1 });
    });
  });

  it('lets it see what the request was shown', async () => {
    if (sticky !== undefined) return;
    const owner = nameFor('dan');
    await post('/register', { owner });
    await cluster.waitForCatchUp();
    await whilePaused(cluster, async () => {
      await cluster.primary.query('UPDATE account SET balance = 9 WHERE owner = $1', [owner]);
      expect((await post(`/look/${owner}`)).body).toEqual({ balance: 9 });
      const seen = await http().get(`/see/${owner}`).set('authorization', 'Bearer onlooker');
      expect(seen.body).toMatchObject({ balance: 9 });
    });
  });

  it('reads from a replica again when that has caught up', async () => {
    const owner = nameFor('eve');
    await post('/register', { owner });
    await cluster.waitForCatchUp();
    const account = await http().get('/me').set('authorization', `Bearer token of ${owner}`);
    expect(account.status).toBe(200);
    if (sticky === undefined)
      await app.getUntil(`/see/${owner}`, undefined, ({ nodes }) => nodes[0] !== 'primary');
  });

  it.each([undefined, null, '', 7, {}])('has to be a text, not %p', async (key) => {
    expect((await post('/refused', { key })).body).toEqual({ error: InvalidSessionKeyError.name });
  });
});

describe('a key that would be of no use is an error', () => {
  const NOT_BOUND = SessionNotBoundError.name;

  it('outside a request, and inside runWithToken()', async () => {
    const app = await startApp(cluster, [UsersController]);
    try {
      expect(nameOf(() => app.router.bindSession('x'))).toBe(NOT_BOUND);
      expect(nameOf(() => app.router.runOnReplica({}, () => app.router.bindSession('x')))).toBe(NOT_BOUND);
      expect((await app.post('/job')).body).toEqual({ error: NOT_BOUND });
    } finally {
      await app.close();
    }
  });

  it.each([
    ['without a key', {}],
    ['with tokens', { token: headerToken(), secrets: ['one secret of at least 32 letters for all'] }],
  ])('%s', async (_, session) => {
    const app = await startApp(cluster, [UsersController], { session });
    try {
      const { body } = await request(app.nest.getHttpServer()).post('/refused').send({ key: 'x' });
      expect(body).toEqual({ error: NOT_BOUND });
    } finally {
      await app.close();
    }
  });
});
