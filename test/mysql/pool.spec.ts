import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  startMariadbCluster,
  startTcpProxy,
  type DatabaseCluster,
  type TcpProxy,
} from 'nestjs-replica/testing';
import type { Connection } from '../../libs/replica/src/execution/database.js';
import { MysqlConnectionPool, type MysqlPoolOptions } from '../../libs/replica/src/mysql/connection-pool.js';
import { physicalOf, type ConnectionRole } from '../../libs/replica/src/mysql/connection.js';
import { MYSQL_ERRORS } from '../../libs/replica/src/mysql/error-kinds.js';
import { until } from '../support/until.js';
import { APP_USER, prepare } from './support/mariadb-engine.js';

describe('the pool of MySQL and MariaDB', () => {
  let cluster: DatabaseCluster;
  let proxy: TcpProxy;
  let pools: MysqlConnectionPool[] = [];
  let nowMs = 0;
  /** Where the next connection leads. */
  let address: { readonly host: string; readonly port: number };
  let role: ConnectionRole = 'primary';
  let events: string[] = [];

  beforeAll(async () => {
    cluster = await startMariadbCluster({ replicas: 0 });
    await prepare(cluster);
    proxy = await startTcpProxy(cluster.primary);
  });

  afterAll(async () => {
    await proxy.close();
    await cluster.stop();
  });

  beforeEach(() => {
    nowMs = 0;
    address = proxy;
    role = 'primary';
    events = [];
  });

  afterEach(async () => {
    for (const pool of pools) void pool.end();
    pools = [];
    await proxy.restore();
  });

  interface Settings extends Partial<MysqlPoolOptions['limits']> {
    readonly timeoutMs?: number;
    readonly checkAfterIdleMs?: number;
  }

  function openPool({
    timeoutMs = 5_000,
    checkAfterIdleMs = Infinity,
    ...limits
  }: Settings = {}): MysqlConnectionPool {
    const config = {
      database: cluster.primary.database,
      user: APP_USER.username,
      password: APP_USER.password,
    };
    const note = (event: string) => (): void => void events.push(event);
    const pool = new MysqlConnectionPool(
      {
        source: { config: () => ({ ...config, host: address.host, port: address.port }), timeoutMs },
        limits: {
          size: 2,
          idleMs: Infinity,
          lifetimeMs: Infinity,
          statementMs: Infinity,
          allowExitOnIdle: false,
          ...limits,
        },
        checkAfterIdleMs,
        role: () => role,
        onIdleError: note('idle error'),
        check: undefined,
        outside: (fn) => fn(),
        nowMs: () => nowMs,
      },
      {
        made: note('made'),
        identified: () => undefined,
        taken: note('taken'),
        returned: note('returned'),
        closed: note('closed'),
        answered: () => undefined,
        crashed: () => undefined,
      },
    );
    pools.push(pool);
    return pool;
  }

  const take = (pool: MysqlConnectionPool): Promise<Connection> =>
    new Promise((resolve, reject) => {
      pool.take((error, connection) => (connection === undefined ? reject(error) : resolve(connection)));
    });
  const giveBack = (pool: MysqlConnectionPool, connection: Connection, error?: Error): void =>
    pool.giveBack(physicalOf(connection), error);
  const query = (connection: Connection, text: string): Promise<readonly unknown[]> =>
    physicalOf(connection).rows(text);

  it('opens as many connections as it may, and serves who waits in turn', async () => {
    const pool = openPool();
    const [first, second] = await Promise.all([take(pool), take(pool)]);
    const served: string[] = [];
    const waiting = ['a', 'b'].map((name) =>
      take(pool).then((connection) => (served.push(name), connection)),
    );
    expect([pool.total, pool.idle, pool.waiting]).toEqual([2, 0, 2]);
    giveBack(pool, second);
    await waiting[0];
    giveBack(pool, first);
    expect(await Promise.all(waiting)).toEqual([second, first]);
    expect(served).toEqual(['a', 'b']);
  });

  it('hands out the connection that was used last', async () => {
    const pool = openPool();
    const [first, second] = await Promise.all([take(pool), take(pool)]);
    giveBack(pool, second);
    giveBack(pool, first);
    expect(await take(pool)).toBe(first);
  });

  it('lets nobody wait for longer than the limit', async () => {
    const pool = openPool({ size: 1, timeoutMs: 60 });
    await take(pool);
    const error: unknown = await take(pool).catch((reason: unknown) => reason);
    expect(MYSQL_ERRORS.isPoolTimeout(error)).toBe(true);
    expect(pool.waiting).toBe(0);
  });

  it('tells who waits why there is no connection', async () => {
    const pool = openPool();
    await cluster.primary.query(`ALTER USER ${APP_USER.username}@'%' ACCOUNT LOCK`);
    try {
      await expect(take(pool)).rejects.toMatchObject({ errno: 4151 });
    } finally {
      await cluster.primary.query(`ALTER USER ${APP_USER.username}@'%' ACCOUNT UNLOCK`);
    }
    expect(pool.total).toBe(0);
  });

  it('closes connections of a certain age as they come back', async () => {
    const pool = openPool({ lifetimeMs: 1_000 });
    const first = await take(pool);
    nowMs = 1_000;
    expect(pool.expired).toBe(1);
    giveBack(pool, first);
    expect([pool.total, pool.idle]).toEqual([0, 0]);
    expect(await take(pool)).not.toBe(first);
  });

  it('closes connections that have been idle for long', async () => {
    const pool = openPool({ idleMs: 30 });
    const [first, second] = await Promise.all([take(pool), take(pool)]);
    giveBack(pool, first);
    nowMs = 20;
    giveBack(pool, second);
    nowMs = 35;
    await until(() => pool.total === 1);
    expect(await take(pool)).toBe(second);
  });

  it('asks a connection for a sign of life after it has been idle, and opens another one if there is none', async () => {
    const pool = openPool({ checkAfterIdleMs: 1_000 });
    const first = await take(pool);
    giveBack(pool, first);
    nowMs = 1_000;
    expect(await take(pool)).toBe(first);
    giveBack(pool, first);
    nowMs = 5_000;
    proxy.blackHole();
    const taking = take(pool);
    address = cluster.primary;
    expect(await taking).not.toBe(first);
    expect(pool.total).toBe(1);
  });

  it('drops an idle connection that breaks', async () => {
    const pool = openPool();
    const first = await take(pool);
    const [row] = (await query(first, 'SELECT CONNECTION_ID() AS id')) as [{ id: number }];
    giveBack(pool, first);
    await cluster.primary.query(`KILL ${row.id}`);
    await until(() => pool.total === 0);
    expect(events.slice(-2)).toEqual(['closed', 'idle error']);
  });

  it('hands out no connection that was set up for another role', async () => {
    const pool = openPool();
    const first = await take(pool);
    await query(first, "INSERT INTO item (name) VALUES ('by the primary')");
    giveBack(pool, first);
    role = 'replica';
    const second = await take(pool);
    expect(second).not.toBe(first);
    // The server would accept writes, and the user may write.
    await expect(query(second, "INSERT INTO item (name) VALUES ('by a replica')")).rejects.toMatchObject({
      errno: 1792,
    });
    await expect(query(second, 'CALL write_item()')).rejects.toMatchObject({ errno: 1792 });
  });

  it('closes a connection with an open transaction, or with one that is about to differ', async () => {
    const pool = openPool();
    const first = await take(pool);
    await query(first, 'START TRANSACTION');
    giveBack(pool, first);
    const second = await take(pool);
    await query(second, 'SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED');
    giveBack(pool, second);
    const third = await take(pool);
    await query(third, 'SET TRANSACTION ISOLATION LEVEL READ COMMITTED');
    await query(third, 'START TRANSACTION');
    await query(third, 'COMMIT');
    giveBack(pool, third);
    expect(new Set([first, second, third]).size).toBe(3);
    expect(await take(pool)).toBe(third);
  });

  it('ends when all connections have come back', async () => {
    const pool = openPool();
    const first = await take(pool);
    let hasEnded = false;
    const ending = pool.end().then(() => (hasEnded = true));
    await expect(take(pool)).rejects.toMatchObject({ code: 'PROTOCOL_CONNECTION_LOST' });
    expect(hasEnded).toBe(false);
    giveBack(pool, first);
    await ending;
    expect(events).toEqual(['made', 'taken', 'returned', 'closed']);
  });
});
