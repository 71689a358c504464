import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WsAdapter } from '@nestjs/platform-ws';
import { InjectRepository } from '@nestjs/typeorm';
import {
  MessageBody,
  type OnGatewayConnection,
  SubscribeMessage,
  WebSocketGateway,
  WsException,
} from '@nestjs/websockets';
import { DataSourceRouter, ForcePrimary, UseReplica } from 'nestjs-replica';
import { once } from 'node:events';
import { concat, defer, from, map, mergeMap, type Observable, timer } from 'rxjs';
import { Repository } from 'typeorm';
import { WebSocket } from 'ws';
import { useApp } from '../../support/app/start-app.js';
import { useRoutes, ON_REPLICA } from '../../support/app/routes.js';
import { until } from '../../support/until.js';
import { useLedgerCluster, whilePaused } from '../../support/cluster/use-cluster.js';
import { Account } from '../../support/ledger/accounts.js';
import { engineOf } from '../../../libs/replica/src/engine/replica-router.js';

interface Message {
  readonly id: number;
  readonly session?: string;
  readonly token?: string;
}

@WebSocketGateway({ path: '/accounts' })
class AccountsGateway implements OnGatewayConnection {
  readonly requests: { ended: boolean }[] = [];

  constructor(
    @InjectRepository(Account) private readonly accounts: Repository<Account>,
    private readonly router: DataSourceRouter,
  ) {}

  /** No interceptor runs for a connection: the decorator opens the context. */
  @UseReplica()
  async handleConnection(client: WebSocket): Promise<void> {
    client.send(JSON.stringify({ event: 'welcome', data: await this.accounts.count() }));
  }

  @SubscribeMessage('balance')
  balance(@MessageBody() { id }: Message): Promise<number> {
    return this.#balanceOf(id);
  }

  @ForcePrimary()
  @SubscribeMessage('exact')
  exact(@MessageBody() { id }: Message): Promise<number> {
    return this.#balanceOf(id);
  }

  @SubscribeMessage('deposit')
  async deposit(@MessageBody() { id }: Message): Promise<{ event: string; data: string }> {
    await this.accounts.increment({ id }, 'balance', 1);
    return { event: 'deposited', data: await this.router.currentToken() };
  }

  @SubscribeMessage('balance-since')
  balanceSince(@MessageBody() { id, token }: Message): Promise<number> {
    return this.router.runWithToken(token, () => this.#balanceOf(id));
  }

  @SubscribeMessage('stream')
  stream(@MessageBody() { id }: Message): Observable<{ event: string; data: number }> {
    const read = defer(() => this.#balanceOf(id));
    const write = defer(() => this.accounts.increment({ id }, 'balance', 1));
    return concat(read, from(write).pipe(mergeMap(() => read)), timer(20).pipe(mergeMap(() => read))).pipe(
      map((data) => ({ event: 'stream', data })),
    );
  }

  @SubscribeMessage('fail')
  async fail(@MessageBody() { id }: Message): Promise<never> {
    await this.accounts.increment({ id }, 'balance', 1);
    throw new WsException('written, and failed');
  }

  async #balanceOf(id: number): Promise<number> {
    const { request } = engineOf(this.router).contexts.current() ?? {};
    if (request !== undefined) this.requests.push(request);
    return (await this.accounts.findOneByOrFail({ id })).balance;
  }
}

/** A client whose answers are read in order. */
class Client {
  readonly #socket: WebSocket;
  readonly #answers: { event: string; data: any }[] = [];

  private constructor(url: string) {
    this.#socket = new WebSocket(url);
    this.#socket.on('message', (text: Buffer) => this.#answers.push(JSON.parse(text.toString())));
  }

  static async connect(url: string): Promise<Client> {
    const client = new Client(url);
    await once(client.#socket, 'open');
    return client;
  }

  async ask(event: string, data: Message): Promise<any> {
    this.#socket.send(JSON.stringify({ event, data }));
    return this.next();
  }

  async next(): Promise<any> {
    await until(() => this.#answers.length > 0, 'an answer');
    return this.#answers.shift();
  }

  async close(): Promise<void> {
    this.#socket.close();
    await once(this.#socket, 'close');
  }
}

const cluster = useLedgerCluster();

describe('a WebSocket gateway', () => {
  let client: Client;
  // The application ends only after its client has left.
  afterAll(() => client?.close());
  const app = useApp(
    cluster,
    [],
    {
      session: { key: (context) => context.switchToWs().getData<Message>().session },
    },
    {
      providers: [AccountsGateway],
      configure: (nest) => nest.useWebSocketAdapter(new WsAdapter(nest)),
    },
  );
  const routes = useRoutes(app);

  beforeAll(async () => {
    const url = (await app.nest.getUrl()).replace('http', 'ws');
    client = await Client.connect(`${url}/accounts`);
  });

  it('reads from a replica when a client connects, if the handler is decorated', async () => {
    expect(await client.next()).toEqual({ event: 'welcome', data: 100 });
  });

  it('reads as each message is decorated, in a context that ends with it', async () => {
    const { requests } = app.nest.get(AccountsGateway);
    requests.length = 0;
    await client.ask('balance', { id: 1 });
    await client.ask('exact', { id: 1 });
    expect(routes.take()).toEqual([ON_REPLICA, 'primary forced-primary']);
    expect(new Set(requests).size).toBe(2);
    await until(() => requests.every(({ ended }) => ended), 'the end of both');
  });

  it('shows a session what it wrote with an earlier message, with replay paused', async () => {
    await whilePaused(cluster, async () => {
      await client.ask('deposit', { id: 2, session: 'ann' });
      expect(await client.ask('balance', { id: 2, session: 'ann' })).toBe(1);
      expect(await client.ask('balance', { id: 2, session: 'bob' })).toBe(0);
    });
    expect(routes.take()).toEqual(['primary write', 'primary session-ahead', ON_REPLICA]);
  });

  it('shows whoever brings a token what that covers', async () => {
    await whilePaused(cluster, async () => {
      const { data: token } = await client.ask('deposit', { id: 3 });
      expect(await client.ask('balance-since', { id: 3, token })).toBe(1);
      expect(await client.ask('balance-since', { id: 3 })).toBe(0);
    });
    expect(routes.take()).toEqual(['primary write', 'primary session-ahead', ON_REPLICA]);
  });

  it('streams an observable inside its context, whose later reads see its writes', async () => {
    await whilePaused(cluster, async () => {
      expect((await client.ask('stream', { id: 4, session: 'cat' })).data).toBe(0);
      expect((await client.next()).data).toBe(1);
      expect((await client.next()).data).toBe(1);
      expect(routes.take()).toEqual([ON_REPLICA, 'primary write', 'primary own-write', 'primary own-write']);
      expect(await client.ask('balance', { id: 4, session: 'cat' })).toBe(1);
    });
  });

  it('keeps what a message wrote that then fails', async () => {
    await whilePaused(cluster, async () => {
      expect(await client.ask('fail', { id: 5, session: 'dan' })).toMatchObject({ event: 'exception' });
      expect(await client.ask('balance', { id: 5, session: 'dan' })).toBe(1);
    });
  });
});
