import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type ArgumentsHost,
  Body,
  Catch,
  Controller,
  type ExceptionFilter,
  Get,
  Head,
  NotFoundException,
  Param,
  ParseIntPipe,
  Post,
  Req,
  Res,
  StreamableFile,
  UseFilters,
} from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { PostgresCluster } from 'nestjs-replica/testing';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import request from 'supertest';
import { Repository } from 'typeorm';
import { Account } from '../../support/accounts.js';
import { type TestApp, until } from '../../support/test-app.js';
import { startAccountsCluster, whilePaused } from './support/accounts-cluster.js';
import { type HttpResponse, sendJson } from './support/http-response.js';
import { accountsOn, launchReady, PLATFORMS } from './support/launch.js';

class OverdrawnError extends Error {}

@Catch(OverdrawnError)
class OverdrawnFilter implements ExceptionFilter {
  catch(_: OverdrawnError, host: ArgumentsHost): void {
    const response = host
      .switchToHttp()
      .getResponse<HttpResponse & { status(code: number): HttpResponse }>()
      .status(409);
    sendJson(response, { overdrawn: true });
  }
}

@Controller()
@UseFilters(OverdrawnFilter)
class AccountsController {
  /** The request that waits in `slowly`, and what lets it go on. */
  waiting: { readonly request: IncomingMessage; readonly goOn: () => void } | undefined;

  constructor(@InjectRepository(Account) private readonly accounts: Repository<Account>) {}

  @Get('health')
  health(): object {
    return { healthy: true };
  }

  @Get('accounts/:id')
  one(@Param('id', ParseIntPipe) id: number): Promise<Account | null> {
    return this.accounts.findOneBy({ id });
  }

  @Get('accounts/:id/missing')
  async missing(@Param('id', ParseIntPipe) id: number): Promise<never> {
    await this.accounts.findOneBy({ id });
    throw new NotFoundException();
  }

  @Get('accounts/:id/broken')
  async broken(@Param('id', ParseIntPipe) id: number): Promise<never> {
    await this.accounts.findOneBy({ id });
    throw new Error('a mistake of the handler');
  }

  @Post('accounts/:id/value')
  async value(@Param('id', ParseIntPipe) id: number): Promise<object> {
    await this.#add(id);
    return {};
  }

  @Post('accounts/:id/body')
  async body(@Param('id', ParseIntPipe) id: number, @Body() body: { amount: number }): Promise<object> {
    await this.#add(id, body.amount);
    return {};
  }

  @Post('accounts/:id/own-response')
  async ownResponse(@Param('id', ParseIntPipe) id: number, @Res() response: HttpResponse): Promise<void> {
    await this.#add(id);
    sendJson(response, {});
  }

  @Post('accounts/:id/file')
  async file(@Param('id', ParseIntPipe) id: number): Promise<StreamableFile> {
    await this.#add(id);
    return new StreamableFile(Buffer.from('content'));
  }

  @Post('accounts/:id/streamed')
  streamed(@Param('id', ParseIntPipe) id: number): StreamableFile {
    const write = (): Promise<void> => this.#add(id);
    const parts = async function* (): AsyncGenerator<string> {
      yield 'the headers leave with this; ';
      await write();
      yield 'and now it is written';
    };
    return new StreamableFile(Readable.from(parts(), { objectMode: false }));
  }

  @Post('accounts/:id/filtered')
  async filtered(@Param('id', ParseIntPipe) id: number): Promise<never> {
    await this.#add(id);
    throw new OverdrawnError();
  }

  @Head('accounts/:id/touched')
  async touched(@Param('id', ParseIntPipe) id: number): Promise<void> {
    await this.#add(id);
  }

  @Post('accounts/:id/slowly')
  async slowly(
    @Param('id', ParseIntPipe) id: number,
    @Req() incoming: { raw?: IncomingMessage },
  ): Promise<void> {
    await new Promise<void>((goOn) => {
      this.waiting = { request: incoming.raw ?? (incoming as IncomingMessage), goOn };
    });
    await this.#add(id);
  }

  async #add(id: number, amount = 1): Promise<void> {
    await this.accounts.increment({ id }, 'balance', amount);
  }
}

const REPLICA = expect.stringMatching(/^replica-[12]$/);

describe.each(PLATFORMS)('on %s, what a session wrote', (platform) => {
  let cluster: PostgresCluster;
  let app: TestApp;

  beforeAll(async () => {
    cluster = await startAccountsCluster();
    app = await launchReady(
      { imports: accountsOn(cluster), controllers: [AccountsController] },
      { platform },
    );
  });

  afterAll(async () => {
    await app?.close();
    await cluster.stop();
  });

  const balanceFor = async (session: string, id: number): Promise<unknown> => {
    const { body, nodes } = await app.get(`/accounts/${id}`, session);
    return { balance: body.balance, nodes };
  };

  it.each([
    ['a returned value', 'value', 201],
    ['a response that the handler sends', 'own-response', 201],
    ['a file', 'file', 201],
    ['a stream that writes after its headers have left', 'streamed', 201],
    ['an exception filter', 'filtered', 409],
  ])('is seen by its next request after %s, with replay paused', async (_, path, status) => {
    const id = 1 + ['value', 'own-response', 'file', 'streamed', 'filtered'].indexOf(path);
    await whilePaused(cluster, async () => {
      expect((await app.post(`/accounts/${id}/${path}`, path)).status).toBe(status);
      expect(await balanceFor(path, id)).toEqual({ balance: 1, nodes: ['primary'] });
      expect(await balanceFor('a stranger', id)).toEqual({ balance: 0, nodes: [REPLICA] });
    });
  });

  it('is seen after a request with a body, whose parsing comes between middleware and guards', async () => {
    await whilePaused(cluster, async () => {
      const answer = await request(app.nest.getHttpServer())
        .post('/accounts/6/body')
        .set('x-session', 'with-body')
        .send({ amount: 5 });
      expect(answer.headers['x-replica-node']).toBe('primary');
      expect(answer.headers['x-replica-reason']).toBe('write');
      expect(await balanceFor('with-body', 6)).toEqual({ balance: 5, nodes: ['primary'] });
    });
  });

  it('is seen after a HEAD request', async () => {
    await whilePaused(cluster, async () => {
      await request(app.nest.getHttpServer())
        .head('/accounts/7/touched')
        .set('x-session', 'head')
        .expect(200);
      expect(await balanceFor('head', 7)).toEqual({ balance: 1, nodes: ['primary'] });
    });
  });

  it('is seen after a request whose client went away before it was written', async () => {
    await whilePaused(cluster, async () => {
      const leaving = new AbortController();
      const url = `${await app.nest.getUrl()}/accounts/8/slowly`;
      const left = fetch(url, {
        method: 'POST',
        headers: { 'x-session': 'gone' },
        signal: leaving.signal,
      }).catch((error: Error) => error.name);
      const controller = app.nest.get(AccountsController);
      await until(() => controller.waiting !== undefined, 'the handler');
      leaving.abort();
      expect(await left).toBe('AbortError');
      await until(() => controller.waiting?.request.socket.destroyed === true, 'the end of the connection');
      controller.waiting?.goOn();
      const answer = await app.getUntil('/accounts/8', 'gone', ({ nodes }) => nodes[0] === 'primary');
      expect(answer).toMatchObject({ body: { balance: 1 }, reasons: ['session-ahead'] });
    });
  });

  it('lets HEAD requests of a GET handler read from a replica', async () => {
    const answer = await request(app.nest.getHttpServer()).head('/accounts/1').expect(200);
    expect(answer.headers).toMatchObject({ 'x-replica-node': REPLICA, 'x-replica-reason': 'session-free' });
  });

  it.each([
    ['missing', 404],
    ['broken', 500],
  ])('says who answered also when the handler ends as %s (%i)', async (path, status) => {
    expect(await app.get(`/accounts/1/${path}`)).toMatchObject({
      status,
      nodes: [REPLICA],
      reasons: ['session-free'],
    });
  });

  it.each([
    ['/health', 200],
    ['/no/such/route', 404],
  ])('says nothing where no database was asked: %s', async (path, status) => {
    expect(await app.get(path)).toMatchObject({ status, nodes: [], reasons: [] });
  });
});
