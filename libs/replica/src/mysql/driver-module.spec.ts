import { describe, expect, it, jest } from '@jest/globals';
import { ContextStorage } from '../context/context-storage.js';
import type { StatementRouter } from '../execution/statement-router.js';
import { createMysqlDriver, createPlainDriver } from './driver-module.js';
import type { RoutingConnection } from './routing-connection.js';
import { importMysql2 } from './mysql2-module.js';

await importMysql2();

const router = { contexts: new ContextStorage() } as unknown as StatementRouter;

describe('the module for TypeORM', () => {
  it('is not empty, which TypeORM 0.3 would take for a package that is missing', () => {
    expect(Object.keys(createMysqlDriver(() => router))).toContain('createPoolCluster');
  });

  it('asks for the router when a pool is made, and no earlier', () => {
    const source = jest.fn(() => router);
    const driver = createMysqlDriver(source);
    expect(source).not.toHaveBeenCalled();
    driver.createPoolCluster();
    expect(source).toHaveBeenCalledTimes(1);
  });

  it.each([
    ['MASTER', undefined],
    ['SLAVE*', undefined],
    ['SLAVE*', 'RR'],
  ])('gives a connection for %s %s without opening any', async (pattern, selector) => {
    const cluster = createMysqlDriver(() => router).createPoolCluster();
    cluster.add();
    const patterns = selector === undefined ? [pattern] : [pattern, selector];
    const connection = await new Promise<RoutingConnection | undefined>((resolve) => {
      cluster.getConnection(...patterns, (_, given) => resolve(given));
    });
    expect(connection?.promise()).toBe(connection?.promise());
    expect(connection?.threadId).toBeNull();
    expect(connection?.listeners('error')).toEqual([]);
    connection?.release();
    expect(() => connection?.release()).not.toThrow();
  });

  it('gives no connection after its end', () => {
    const pool = createMysqlDriver(() => router).createPool();
    const ended = jest.fn();
    pool.end(ended);
    expect(ended).toHaveBeenCalledTimes(1);
    const given = jest.fn();
    pool.getConnection(given);
    expect(given).toHaveBeenCalledWith(new Error('Pool is closed.'));
  });
});

it('a plain module connects to its one node, whatever TypeORM asks for', async () => {
  const driver = createPlainDriver(() => ({ host: '127.0.0.1', port: 1 })) as ReturnType<
    typeof createMysqlDriver
  >;
  const cluster = driver.createPoolCluster();
  const failure = await new Promise((resolve) => cluster.getConnection('SLAVE*', resolve));
  expect(failure).toMatchObject({ code: 'ECONNREFUSED', port: 1 });
  await new Promise<void>((resolve) => cluster.end(() => resolve()));
});
