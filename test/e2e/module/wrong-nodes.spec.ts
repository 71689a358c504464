import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { NodeOptions, ReplicaModuleOptions } from 'nestjs-replica';
import { startTcpProxy, type PostgresNode } from 'nestjs-replica/testing';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { launch, accountsOn } from '../../support/app/start-app.js';
import type { TestApp } from '../../support/app/test-app.js';
import { CapturedLogs, expectNoCredential } from '../../support/app/captured-logs.js';
import { until } from '../../support/until.js';
import { useLedgerCluster } from '../../support/cluster/use-cluster.js';
import { LedgerController } from '../../support/ledger/ledger.controller.js';

const cluster = useLedgerCluster();

describe("a replica that cannot serve, whatever TypeORM's logging", () => {
  let replica: PostgresNode;
  let logs: CapturedLogs;
  let app: TestApp | undefined;
  let server: Server | undefined;

  beforeAll(async () => {
    replica = cluster.replicas[0]!;
  });

  afterEach(async () => {
    await app?.close();
    app = undefined;
    server?.close();
    server = undefined;
    expectNoCredential(cluster, ...logs.lines);
  });

  async function start(changes: Partial<ReplicaModuleOptions>): Promise<TestApp> {
    logs = new CapturedLogs();
    app = await launch(
      { imports: accountsOn(cluster, changes), controllers: [LedgerController] },
      { logger: logs },
    );
    return app;
  }

  /** The library's own lines. */
  const ours = (): string[] => logs.lines.filter((line) => line.endsWith(' ReplicaModule'));

  /** What answers here is no PostgreSQL. */
  async function startServer(onConnection: (socket: Socket) => void): Promise<number> {
    server = createServer((socket) => onConnection(socket.on('error', () => undefined)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  const at = ({ host, port, username, password, database }: PostgresNode): NodeOptions => ({
    name: 'wrong',
    host,
    port,
    username,
    password,
    database,
  });

  it.each<[string, () => NodeOptions | Promise<NodeOptions>, RegExp]>([
    ['another password', () => ({ ...at(replica), password: 'pa55' }), /password authentication failed/],
    [
      'a user it does not know',
      () => ({ ...at(replica), username: 'nobody' }),
      /authentication failed for user "nobody"/,
    ],
    [
      'another database',
      () => ({ ...at(replica), database: 'nowhere' }),
      /database "nowhere" does not exist/,
    ],
    [
      'a host that does not exist',
      () => ({ ...at(replica), host: 'no-such-host.invalid' }),
      /ENOTFOUND|EAI_AGAIN/,
    ],
    ['a port where nobody listens', () => ({ ...at(replica), port: 1 }), /ECONNREFUSED/],
    ['TLS, which it does not have', () => ({ ...at(replica), ssl: true }), /does not support SSL/],
    [
      'a host that never answers',
      async () => ({ ...at(replica), port: await startServer(() => undefined) }),
      /no answer within|timeout/,
    ],
    [
      'another kind of server',
      async () => ({
        ...at(replica),
        port: await startServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
      }),
      /./,
    ],
    [
      'the primary itself',
      () => at(cluster.primary),
      /is primary, the primary, under another address|the primary has not answered yet/,
    ],
  ])('is named in the log of Nest with the reason: %s', async (_, wrong, reason) => {
    const running = await start({ replicas: [await wrong()] });
    expect(await running.get('/accounts/1')).toMatchObject({ status: 200, nodes: ['primary'] });
    await until(() => ours().length >= 2, 'two lines');
    expect(ours()).toEqual([
      expect.stringMatching(/^warn: wrong \(\S+\) is out of rotation: /),
      expect.stringMatching(
        /^warn: the primary is primary \(\S+\); 0 of 1 replicas answer; out of rotation: wrong \(\S+\) /,
      ),
    ]);
    expect(ours()[0]).toMatch(reason);
  });

  it('is named if primary and replica are swapped', async () => {
    const running = await start({
      primary: at(replica),
      replicas: [{ ...at(cluster.primary), name: 'other' }],
    });
    await until(() => ours().length >= 3, 'three lines');
    const lines = ours().join('\n');
    expect(lines).toMatch(
      /warn: wrong \(\S+\) is out of rotation: it is configured as the primary but is in recovery/,
    );
    expect(lines).toMatch(/warn: other \(\S+\) is out of rotation: it accepts writes/);
    expect((await running.get('/accounts/1')).status).toBe(500);
  });

  it('is logged once while it lasts, and once more when it is over', async () => {
    await using proxy = await startTcpProxy(replica);
    const { router } = await start({
      replicas: [{ ...at(replica), host: proxy.host, port: proxy.port }],
      logging: false,
    });
    await until(() => ours().length === 1);
    const probed = (): boolean => router.topology().replicas[0]?.health === 'up';
    proxy.refuse();
    proxy.reset();
    await until(() => !probed());
    // Asked again and again meanwhile, by probes and by statements.
    await delay(1_000);
    for (let n = 0; n < 20; n++) expect((await app?.get('/accounts/1'))?.status).toBe(200);
    await proxy.restore();
    await until(probed);
    expect(ours().filter((line) => !line.includes('an idle connection'))).toEqual([
      expect.stringMatching(/^log: the primary is primary \(\S+\); 1 of 1 replicas answer: wrong \(\S+\) /),
      expect.stringMatching(/^warn: wrong \(\S+\) is out of rotation: /),
      expect.stringMatching(/^log: wrong \(\S+\) is back in rotation /),
    ]);
    expect(ours().filter((line) => line.includes('an idle connection')).length).toBeLessThanOrEqual(1);
  });
});
