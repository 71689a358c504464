import { beforeAll, describe, expect, it } from '@jest/globals';
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
  UseFilters,
} from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { PLATFORMS, useApp } from '../../support/app/start-app.js';
import { sendJson, type HttpResponse } from '../../support/app/http-response.js';
import { REPLICA } from '../../support/app/routes.js';
import { until } from '../../support/until.js';
import { useLedgerCluster, whilePaused, resetLedger } from '../../support/cluster/use-cluster.js';
import { LedgerController } from '../../support/ledger/ledger.controller.js';
import { ResponsesController } from '../../support/ledger/responses.controller.js';

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
class EndingsController extends LedgerController {
  /** The request that waits in `slowly`, and what lets it go on. */
  waiting: { readonly request: IncomingMessage; readonly goOn: () => void } | undefined;

  @Get('health')
  health(): object {
    return { healthy: true };
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

  @Post('accounts/:id/body')
  async body(@Param('id', ParseIntPipe) id: number, @Body() body: { amount: number }): Promise<object> {
    await this.accounts.increment({ id }, 'balance', body.amount);
    return {};
  }

  @Post('accounts/:id/filtered')
  async filtered(@Param('id', ParseIntPipe) id: number): Promise<never> {
    await this.add(id);
    throw new OverdrawnError();
  }

  @Head('accounts/:id/touched')
  async touched(@Param('id', ParseIntPipe) id: number): Promise<void> {
    await this.add(id);
  }

  @Post('accounts/:id/slowly')
  async slowly(
    @Param('id', ParseIntPipe) id: number,
    @Req() incoming: { raw?: IncomingMessage },
  ): Promise<void> {
    await new Promise<void>((goOn) => {
      this.waiting = { request: incoming.raw ?? (incoming as IncomingMessage), goOn };
    });
    await this.add(id);
  }
}

const cluster = useLedgerCluster();

describe.each(PLATFORMS)('on %s, what a session wrote', (platform) => {
  beforeAll(() => resetLedger(cluster));
  const app = useApp(cluster, [EndingsController, ResponsesController], {}, { platform });

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
      const answer = await app.http
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
      await app.http.head('/accounts/7/touched').set('x-session', 'head').expect(200);
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
      const controller = app.nest.get(EndingsController);
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
    const answer = await app.http.head('/accounts/1').expect(200);
    expect(answer.headers).toMatchObject({ 'x-replica-node': REPLICA, 'x-replica-reason': 'session-free' });
  });

  it.each([
    ['missing', 404],
    ['broken', 500],
  ])('names the node that answered even if the handler ends as %s (%i)', async (path, status) => {
    expect(await app.get(`/accounts/1/${path}`)).toMatchObject({
      status,
      nodes: [REPLICA],
      reasons: ['session-free'],
    });
  });

  it.each([
    ['/health', 200],
    ['/no/such/route', 404],
  ])('names no node if no database was asked: %s', async (path, status) => {
    expect(await app.get(path)).toMatchObject({ status, nodes: [], reasons: [] });
  });
});
