import { describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, Headers, Param, Post, Res, UnauthorizedException } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import {
  DataSourceRouter,
  fromHeader,
  headerToken,
  InvalidSessionKeyError,
  SessionNotBoundError,
} from 'nestjs-replica';
import type { ServerResponse } from 'node:http';
import { Repository } from 'typeorm';
import { startApp, useApp } from '../../support/app/start-app.js';
import type { Answer } from '../../support/app/test-app.js';
import { SharedStore } from '../../support/app/shared-store.js';
import { useLedgerCluster, whilePaused } from '../../support/cluster/use-cluster.js';
import { Account } from '../../support/ledger/accounts.js';

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

const cluster = useLedgerCluster();
const SESSIONS = [
  { where: 'in memory', sticky: undefined, store: undefined },
  { where: 'in a store of others', sticky: undefined, store: new SharedStore() },
  { where: 'in memory, for a time', sticky: { mode: 'time', windowMs: 20_000 } as const, store: undefined },
];

describe.each(SESSIONS)("a session's key that a request names, kept $where", ({ where, sticky, store }) => {
  const app = useApp(cluster, [UsersController], {
    session: { key: fromHeader('authorization'), ...(store === undefined ? {} : { store }) },
    ...(sticky === undefined ? {} : { sticky }),
  });

  const post = (path: string, body: object = {}): Promise<Pick<Answer, 'status' | 'body'>> =>
    app.http.post(path).send(body);
  const me = (owner: string): Promise<Pick<Answer, 'status' | 'body'>> =>
    app.http.get('/me').set('authorization', `Bearer token of ${owner}`);
  const nameFor = (what: string): string => `${what} ${where}`.replaceAll(/[^a-z]/g, '-');

  it('lets somebody who registered without a session see the new account, with replay paused', async () => {
    const owner = nameFor('ann');
    await whilePaused(cluster, async () => {
      await post('/register', { owner });
      expect((await me(owner)).status).toBe(200);
      expect((await app.http.get(`/see/${owner}`)).body).toEqual({});
    });
  });

  it.each(['get', 'post'] as const)(
    'covers what the request writes before or after it: %s',
    async (method) => {
      const owner = nameFor(method === 'get' ? 'bob' : 'cid');
      await post('/register', { owner });
      await cluster.waitForCatchUp();
      await whilePaused(cluster, async () => {
        await app.http[method](`/${method === 'get' ? 'confirm' : 'late'}/${owner}`);
        expect((await me(owner)).body).toMatchObject({ balance: 1 });
      });
    },
  );

  it('shows its session what the request saw', async () => {
    if (sticky !== undefined) return;
    const owner = nameFor('dan');
    await post('/register', { owner });
    await cluster.waitForCatchUp();
    await whilePaused(cluster, async () => {
      await cluster.primary.query(`UPDATE account SET balance = 9 WHERE owner = '${owner}'`);
      expect((await post(`/look/${owner}`)).body).toEqual({ balance: 9 });
      const seen = await app.http.get(`/see/${owner}`).set('authorization', 'Bearer onlooker');
      expect(seen.body).toMatchObject({ balance: 9 });
    });
  });

  it('goes back to a replica that has caught up', async () => {
    const owner = nameFor('eve');
    await post('/register', { owner });
    await cluster.waitForCatchUp();
    const account = await app.http.get('/me').set('authorization', `Bearer token of ${owner}`);
    expect(account.status).toBe(200);
    if (sticky === undefined)
      await app.getUntil(`/see/${owner}`, undefined, ({ nodes }) => nodes[0] !== 'primary');
  });

  it.each([undefined, null, '', 7, {}])('has to be a string, not %p', async (key) => {
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
      const { body } = await app.http.post('/refused').send({ key: 'x' });
      expect(body).toEqual({ error: NOT_BOUND });
    } finally {
      await app.close();
    }
  });
});
