import { describe, expect, it } from '@jest/globals';
import type { ConnectionOptions } from 'mysql2';
import type { ResolvedNode } from '../options/resolve-nodes.js';
import { nodeConnection, probeConfig, withConnectionOf, type MysqlSettings } from './connection-options.js';

const SETTINGS: MysqlSettings = { connectTimeoutMs: 10_000, connection: {}, onIdleError: () => undefined };

const NODE: ResolvedNode = {
  name: 'r1',
  address: 'db:3306',
  weight: 1,
  credentials: { host: 'db', username: 'app' },
  pool: {},
};

const nodeWith = (more: Partial<ResolvedNode>): ResolvedNode => ({ ...NODE, ...more });

const configOf = (more: Partial<ResolvedNode>, settings: Partial<MysqlSettings> = {}): ConnectionOptions =>
  nodeConnection(nodeWith(more), { ...SETTINGS, ...settings }).config();

describe('how to connect to a node', () => {
  it('leaves out what is meant for a pool of mysql2, and takes its limits', () => {
    const connection = { connectionLimit: 7, idleTimeout: 5_000, queueLimit: 3, charset: 'utf8mb4_bin' };
    const { config, limits } = nodeConnection(nodeWith({}), { ...SETTINGS, connection });
    expect(config()).toEqual({ charset: 'utf8mb4_bin', host: 'db', user: 'app' });
    expect(limits).toMatchObject({ size: 7, idleMs: 5_000, lifetimeMs: Infinity });
  });

  it("lets the node's own pool options decide first", () => {
    const pool = {
      size: 3,
      idleTimeoutMs: 0,
      connectTimeoutMs: 50,
      maxLifetimeMs: 9_000,
      checkAfterIdleMs: 1_000,
    };
    const settings = { ...SETTINGS, poolSize: 20, connection: { connectionLimit: 7 } };
    expect(nodeConnection(nodeWith({ pool }), settings)).toMatchObject({
      timeoutMs: 50,
      checkAfterIdleMs: 1_000,
      limits: { size: 3, idleMs: Infinity, lifetimeMs: 9_000 },
    });
  });

  it('names the application to the server', () => {
    expect(configOf({}, { applicationName: 'shop' }).connectAttributes).toEqual({ program_name: 'shop' });
    expect(probeConfig(nodeWith({}), SETTINGS).connectAttributes).toEqual({
      program_name: 'nestjs-replica monitor',
    });
  });

  it("keeps what changes the application's rows from the monitor", () => {
    const connection = { rowsAsArray: true, typeCast: () => 1, compress: true };
    expect(probeConfig(nodeWith({}), { ...SETTINGS, connection })).toMatchObject({ compress: true });
    expect(Object.keys(probeConfig(nodeWith({}), { ...SETTINGS, connection }))).not.toContain('rowsAsArray');
  });

  it.each([
    ['host and port', { host: '10.0.0.5', port: 3307, ssl: { ca: 'x' } }],
    ['a URL', { url: 'mysql://app@10.0.0.5:3307/shop', ssl: { ca: 'x' } }],
  ])('checks the certificate against another name than the host (%s)', (_, credentials) => {
    const node = { credentials, servername: 'db.internal' };
    const first = configOf(node);
    expect(first).toMatchObject({ host: 'db.internal', ssl: { ca: 'x', verifyIdentity: true } });
    expect(typeof (first as { stream?: unknown }).stream).toBe('function');
    // `mysql2` makes a secure context of each object.
    expect(configOf(node).ssl).toBe(first.ssl);
  });

  it('needs no name without TLS', () => {
    expect(configOf({ servername: 'db.internal' })).toEqual({ host: 'db', user: 'app' });
  });
});

describe('a node that is given by its host', () => {
  it("has the primary's user, password and database", () => {
    const primary = { host: 'db', username: 'app', password: 'secret', database: 'shop' };
    expect(withConnectionOf(primary as never, { host: '10.0.0.7' })).toEqual({
      ...primary,
      host: '10.0.0.7',
      port: 3306,
    });
    expect(
      withConnectionOf({ url: 'mysql://app:s%40@db/shop?charset=utf8mb4' }, { host: 'fd00::7' }),
    ).toEqual({
      url: 'mysql://app:s%40@[fd00::7]:3306/shop?charset=utf8mb4',
    });
  });
});
