import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, type INestMicroservice } from '@nestjs/common';
import {
  type ClientProxy,
  ClientProxyFactory,
  EventPattern,
  MessagePattern,
  type MicroserviceOptions,
  Payload,
  RpcException,
  Transport,
} from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { InjectRepository } from '@nestjs/typeorm';
import { DataSourceRouter, ForcePrimary, UseReplica, WithToken } from 'nestjs-replica';
import { concat, defer, lastValueFrom, type Observable, timer, toArray } from 'rxjs';
import { mergeMap } from 'rxjs/operators';
import { Repository } from 'typeorm';
import { choosePort } from '../../../libs/replica/src/testing/choose-port.js';
import { engineOf } from '../../../libs/replica/src/engine/replica-router.js';
import { accountsOn } from '../../support/app/start-app.js';
import { isReady } from '../../support/app/test-app.js';
import { Routes, ON_REPLICA } from '../../support/app/routes.js';
import { until } from '../../support/until.js';
import { useLedgerCluster, whilePaused } from '../../support/cluster/use-cluster.js';
import { Account } from '../../support/ledger/accounts.js';

interface Message {
  readonly id: number;
  readonly session?: string;
  readonly token?: string;
}

@Controller()
class AccountsController {
  readonly requests: { ended: boolean }[] = [];

  constructor(
    @InjectRepository(Account) private readonly accounts: Repository<Account>,
    private readonly router: DataSourceRouter,
  ) {}

  @MessagePattern('balance')
  balance(@Payload() { id }: Message): Promise<number> {
    return this.#balanceOf(id);
  }

  @ForcePrimary()
  @MessagePattern('exact')
  exact(@Payload() { id }: Message): Promise<number> {
    return this.#balanceOf(id);
  }

  /** Its answer carries a token for whoever has to see the deposit. */
  @MessagePattern('deposit')
  async deposit(@Payload() { id }: Message): Promise<string> {
    await this.accounts.increment({ id }, 'balance', 1);
    return this.router.currentToken();
  }

  @WithToken((message: Message) => message.token)
  @MessagePattern('balance-since')
  balanceSince(@Payload() { id }: Message): Promise<number> {
    return this.#balanceOf(id);
  }

  @MessagePattern('stream')
  stream(@Payload() { id }: Message): Observable<number> {
    const read = defer(() => this.#balanceOf(id));
    const write = defer(() => this.accounts.increment({ id }, 'balance', 1));
    return concat(read, write.pipe(mergeMap(() => read)), timer(20).pipe(mergeMap(() => read)));
  }

  @MessagePattern('fail')
  async fail(@Payload() { id }: Message): Promise<never> {
    await this.accounts.increment({ id }, 'balance', 1);
    throw new RpcException('written, and failed');
  }

  @UseReplica({ consistency: 'eventual' })
  @EventPattern('deposited')
  async deposited(@Payload() { id }: Message): Promise<void> {
    await this.#balanceOf(id);
  }

  async #balanceOf(id: number): Promise<number> {
    const { request } = engineOf(this.router).contexts.current() ?? {};
    if (request !== undefined) this.requests.push(request);
    return (await this.accounts.findOneByOrFail({ id })).balance;
  }
}

const cluster = useLedgerCluster();

describe('a microservice over TCP', () => {
  let service: INestMicroservice;
  let client: ClientProxy;
  let routes: Routes;
  let controller: AccountsController;

  async function start(port: number): Promise<INestMicroservice> {
    const module = await Test.createTestingModule({
      imports: accountsOn(cluster, {
        session: { key: (context) => context.switchToRpc().getData<Message>().session },
      }),
      controllers: [AccountsController],
    }).compile();
    const started = module.createNestMicroservice<MicroserviceOptions>({
      transport: Transport.TCP,
      options: { host: '127.0.0.1', port },
      logger: false,
    });
    await started.listen();
    return started;
  }

  beforeAll(async () => {
    const port = await choosePort();
    service = await start(port);
    const router = service.get(DataSourceRouter);
    await until(() => isReady(router));
    routes = new Routes(router);
    controller = service.get(AccountsController);
    client = ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } });
    await client.connect();
  });

  beforeEach(() => {
    routes.take();
  });

  afterAll(async () => {
    client?.close();
    await service?.close();
  });

  const send = <T>(pattern: string, message: Message): Promise<T> =>
    lastValueFrom(client.send<T>(pattern, message));

  it('reads as each message is decorated, in a context that ends with it', async () => {
    controller.requests.length = 0;
    await send('balance', { id: 1 });
    await send('exact', { id: 1 });
    expect(routes.take()).toEqual([ON_REPLICA, 'primary forced-primary']);
    const { requests } = controller;
    expect(new Set(requests).size).toBe(2);
    await until(() => requests.every(({ ended }) => ended), 'the end of both');
  });

  it('shows a session what it wrote with an earlier message, with replay paused', async () => {
    await whilePaused(cluster, async () => {
      await send('deposit', { id: 2, session: 'ann' });
      expect(await send('balance', { id: 2, session: 'ann' })).toBe(1);
      expect(await send('balance', { id: 2, session: 'bob' })).toBe(0);
    });
    expect(routes.take()).toEqual(['primary write', 'primary session-ahead', ON_REPLICA]);
  });

  it('shows whoever brings a token what that covers', async () => {
    await whilePaused(cluster, async () => {
      const token = await send<string>('deposit', { id: 3 });
      expect(await send('balance-since', { id: 3, token })).toBe(1);
      expect(await send('balance-since', { id: 3 })).toBe(0);
    });
    expect(routes.take()).toEqual(['primary write', 'primary session-ahead', ON_REPLICA]);
  });

  it('streams an observable inside its context, whose later reads see its writes', async () => {
    await whilePaused(cluster, async () => {
      const seen = await lastValueFrom(client.send('stream', { id: 4, session: 'cat' }).pipe(toArray()));
      expect(seen).toEqual([0, 1, 1]);
      expect(routes.take()).toEqual([ON_REPLICA, 'primary write', 'primary own-write', 'primary own-write']);
      expect(await send('balance', { id: 4, session: 'cat' })).toBe(1);
    });
  });

  it('keeps what a message wrote that then fails', async () => {
    await whilePaused(cluster, async () => {
      await expect(send('fail', { id: 5, session: 'dan' })).rejects.toMatchObject({
        message: 'written, and failed',
      });
      expect(await send('balance', { id: 5, session: 'dan' })).toBe(1);
    });
  });

  it('handles events as they are decorated', async () => {
    await lastValueFrom(client.emit('deposited', { id: 1 }), { defaultValue: undefined });
    let seen: string[] = [];
    await until(() => (seen = [...seen, ...routes.take()]).length > 0, 'the event');
    expect(seen).toEqual(['replica eventual']);
  });
});
